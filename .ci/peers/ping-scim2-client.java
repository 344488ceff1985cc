import com.unboundid.scim2.client.ScimService;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.messages.ListResponse;
import com.unboundid.scim2.common.messages.PatchOperation;
import com.unboundid.scim2.common.messages.PatchRequest;
import com.unboundid.scim2.common.messages.SortOrder;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.Member;
import com.unboundid.scim2.common.types.UserResource;
import com.unboundid.scim2.common.utils.JsonUtils;
import jakarta.ws.rs.client.Client;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.client.ClientRequestFilter;
import java.util.List;
import java.util.stream.Collectors;
import org.glassfish.jersey.client.ClientConfig;
import org.glassfish.jersey.jnh.connector.JavaNetHttpConnectorProvider;

/** Prints what each step was answered, "step<TAB>result" a line: java PingScim2Client URL TOKEN */
final class PingScim2Client {
  public static void main(String[] arguments) throws ScimException {
    ClientConfig configuration = new ClientConfig().connectorProvider(new JavaNetHttpConnectorProvider());
    ClientRequestFilter signedIn = request -> request.getHeaders().putSingle("Authorization", "Bearer " + arguments[1]);
    Client http = ClientBuilder.newClient(configuration).register(signedIn);
    ScimService client = new ScimService(http.target(arguments[0]));
    say("configuration", client.getServiceProviderConfig().getPatch().isSupported());
    say("schemas", client.getSchemas().getTotalResults());
    UserResource[] users = new UserResource[3];
    for (int i = 0; i < 3; i++) {
      users[i] = client.create("Users", new UserResource().setUserName("user" + i).setTitle("Guide"));
      say("create", users[i].getUserName());
    }
    PatchRequest title = new PatchRequest(PatchOperation.replace("title", "Owner"));
    say("change", client.modify("Users", users[0].getId(), title, UserResource.class).getTitle());
    say("replace", client.replace(client.retrieve(users[1]).setNickName("Babs")).getNickName());
    GroupResource group = new GroupResource().setDisplayName("Guides");
    group.setMembers(List.of(new Member().setValue(users[0].getId())));
    GroupResource created = client.create("Groups", group);
    say("group", created.getMembers().size());
    PatchRequest joins = new PatchRequest(PatchOperation.add("members",
        JsonUtils.valueToNode(List.of(new Member().setValue(users[1].getId())))));
    say("member", client.modify("Groups", created.getId(), joins, GroupResource.class).getMembers().size());
    say("page", names(client.searchRequest("Users").page(2, 1).sort("userName", SortOrder.ASCENDING)
        .invoke(UserResource.class)));
    say("sort", names(client.searchRequest("Users").sort("userName", SortOrder.DESCENDING).invoke(UserResource.class)));
    say("search", names(client.searchRequest("Users").filter("title eq \"Guide\"").page(1, 7).attributes("userName")
        .sort("userName", SortOrder.ASCENDING).invokePost(UserResource.class)));
    ListResponse<UserResource> first = client.searchRequest("Users").firstPageCursorWithCount(2).invoke(UserResource.class);
    ListResponse<UserResource> second = client.searchRequest("Users").pageWithCursor(first.getNextCursor(), 2)
        .invoke(UserResource.class);
    say("cursors", first.getResources().size() + "," + second.getResources().size());
    client.delete(users[2]);
    say("delete", names(client.search("Users", "userName eq \"user2\"", UserResource.class)));
  }

  private static String names(ListResponse<UserResource> response) {
    return response.getTotalResults() + " " + response.getResources().stream()
        .map(UserResource::getUserName).collect(Collectors.joining(","));
  }

  private static void say(String step, Object result) {
    System.out.println(step + "\t" + result);
  }
}
