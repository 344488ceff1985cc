import com.fasterxml.jackson.databind.node.TextNode;
import de.captaingoldfish.scim.sdk.client.ScimClientConfig;
import de.captaingoldfish.scim.sdk.client.ScimRequestBuilder;
import de.captaingoldfish.scim.sdk.client.response.ServerResponse;
import de.captaingoldfish.scim.sdk.common.constants.enums.HttpMethod;
import de.captaingoldfish.scim.sdk.common.constants.enums.PatchOp;
import de.captaingoldfish.scim.sdk.common.constants.enums.SortOrder;
import de.captaingoldfish.scim.sdk.common.resources.Group;
import de.captaingoldfish.scim.sdk.common.resources.User;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.Member;
import de.captaingoldfish.scim.sdk.common.response.BulkResponse;
import de.captaingoldfish.scim.sdk.common.response.ListResponse;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Prints what each step was answered, "step<TAB>result" a line: java ScimSdkClient URL TOKEN */
final class ScimSdkClient {
  public static void main(String[] arguments) {
    ScimClientConfig configuration = ScimClientConfig.builder()
        .httpHeaders(Map.of("Authorization", "Bearer " + arguments[1])).build();
    try (ScimRequestBuilder client = new ScimRequestBuilder(arguments[0], configuration)) {
      say("configuration", client.loadServiceProviderConfiguration().getPatchConfig().isSupported());
      String[] ids = new String[3];
      for (int i = 0; i < 3; i++) {
        User user = User.builder().userName("user" + i).title("Guide").build();
        ServerResponse<User> created = client.create(User.class, "/Users").setResource(user).sendRequest();
        ids[i] = created.getResource().getId().orElseThrow();
        say("create", created.isSuccess());
      }
      ServerResponse<User> changed = client.patch(User.class, "/Users", ids[0])
          .addOperation().path("title").op(PatchOp.REPLACE).valueNode(new TextNode("Owner")).build().sendRequest();
      say("change", changed.isSuccess() + " " + changed.getResource().getTitle().orElse(""));
      ServerResponse<User> whole = client.patch(User.class, "/Users", ids[0])
          .addOperation().op(PatchOp.ADD).valueNode(User.builder().nickName("Babs").build()).build().sendRequest();
      say("change without a path", whole.isSuccess() + " " + whole.getResource().getNickName().orElse(""));
      Group group = Group.builder().displayName("Guides")
          .members(List.of(Member.builder().value(ids[0]).build())).build();
      ServerResponse<Group> grouped = client.create(Group.class, "/Groups").setResource(group).sendRequest();
      say("group", grouped.isSuccess() + " " + grouped.getResource().getMembers().size());
      String groupId = grouped.getResource().getId().orElseThrow();
      ServerResponse<Group> joined = client.patch(Group.class, "/Groups", groupId)
          .addOperation().path("members").op(PatchOp.ADD)
          .valueNode(Member.builder().value(ids[1]).build()).build().sendRequest();
      say("member", joined.isSuccess() + " " + joined.getHttpStatus() + " " + joined.getResource().getMembers().size());
      say("page", names(client.list(User.class, "/Users").startIndex(2).count(1)
          .sortBy("userName").get().sendRequest()));
      say("sort", names(client.list(User.class, "/Users").sortBy("userName")
          .sortOrder(SortOrder.DESCENDING).get().sendRequest()));
      say("search", names(client.list(User.class, "/Users").startIndex(1).count(7).attributes("userName", "title")
          .sortBy("userName").filter("title eq \"Guide\"").post().sendRequest()));
      ServerResponse<BulkResponse> bulk = client.bulk().failOnErrors(0)
          .bulkRequestOperation("/Users").method(HttpMethod.POST).bulkId("a")
          .data(User.builder().userName("bulk").build()).next()
          .bulkRequestOperation("/Users", ids[2]).method(HttpMethod.DELETE).sendRequest();
      say("bulk", bulk.isSuccess() + " " + bulk.getResource().getBulkResponseOperations().stream()
          .map(operation -> String.valueOf(operation.getStatus())).collect(Collectors.joining(",")));
      say("delete", client.delete(User.class, "/Users", ids[0]).sendRequest().isSuccess());
      say("gone", client.get(User.class, "/Users", ids[0]).sendRequest().getHttpStatus());
    }
  }

  private static String names(ServerResponse<ListResponse<User>> response) {
    if (!response.isSuccess()) return response.getHttpStatus() + " " + response.getResponseBody();
    return response.getResource().getTotalResults() + " " + response.getResource().getListedResources().stream()
        .map(user -> user.getUserName().orElse("")).collect(Collectors.joining(","));
  }

  private static void say(String step, Object result) {
    System.out.println(step + "\t" + result);
  }
}
