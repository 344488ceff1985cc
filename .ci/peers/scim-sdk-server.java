import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import de.captaingoldfish.scim.sdk.common.constants.enums.HttpMethod;
import de.captaingoldfish.scim.sdk.common.constants.enums.SortOrder;
import de.captaingoldfish.scim.sdk.common.exceptions.ConflictException;
import de.captaingoldfish.scim.sdk.common.exceptions.ResourceNotFoundException;
import de.captaingoldfish.scim.sdk.common.resources.Group;
import de.captaingoldfish.scim.sdk.common.resources.ResourceNode;
import de.captaingoldfish.scim.sdk.common.resources.ServiceProvider;
import de.captaingoldfish.scim.sdk.common.resources.User;
import de.captaingoldfish.scim.sdk.common.resources.complex.BulkConfig;
import de.captaingoldfish.scim.sdk.common.resources.complex.ETagConfig;
import de.captaingoldfish.scim.sdk.common.resources.complex.FilterConfig;
import de.captaingoldfish.scim.sdk.common.resources.complex.Meta;
import de.captaingoldfish.scim.sdk.common.resources.complex.PatchConfig;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.AuthenticationScheme;
import de.captaingoldfish.scim.sdk.common.response.ScimResponse;
import de.captaingoldfish.scim.sdk.common.schemas.SchemaAttribute;
import de.captaingoldfish.scim.sdk.common.utils.JsonHelper;
import de.captaingoldfish.scim.sdk.server.endpoints.Context;
import de.captaingoldfish.scim.sdk.server.endpoints.ResourceEndpoint;
import de.captaingoldfish.scim.sdk.server.endpoints.ResourceHandler;
import de.captaingoldfish.scim.sdk.server.endpoints.base.GroupEndpointDefinition;
import de.captaingoldfish.scim.sdk.server.endpoints.base.UserEndpointDefinition;
import de.captaingoldfish.scim.sdk.server.filter.FilterNode;
import de.captaingoldfish.scim.sdk.server.response.PartialListResponse;
import de.captaingoldfish.scim.sdk.server.schemas.ResourceType;
import de.captaingoldfish.scim.sdk.server.schemas.custom.ResourceTypeFeatures;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executors;
import java.util.function.Function;

/** SCIM-SDK's service provider over maps in memory: java ScimSdkServer PORT */
final class ScimSdkServer {
  public static void main(String[] arguments) throws IOException {
    ServiceProvider configuration = ServiceProvider.builder()
        .patchConfig(PatchConfig.builder().supported(true).build())
        .filterConfig(FilterConfig.builder().supported(true).maxResults(500).build())
        .eTagConfig(ETagConfig.builder().supported(true).build())
        .authenticationSchemes(List.of(AuthenticationScheme.builder()
            .name("OAuth Bearer Token").description("A token").type("oauthbearertoken").build()))
        .bulkConfig(BulkConfig.builder().supported(true).maxOperations(100).maxPayloadSize(1_000_000L).build())
        .build();
    ResourceEndpoint endpoint = new ResourceEndpoint(configuration,
        new UserEndpointDefinition(new Resources<User>(user -> user.getUserName().orElse("")) {}),
        new GroupEndpointDefinition(new Resources<Group>(group -> group.getDisplayName().orElse("")) {}));
    for (String type : List.of("User", "Group")) {
      ResourceType resourceType = endpoint.getResourceTypeByName(type).orElseThrow();
      resourceType.setFeatures(ResourceTypeFeatures.builder().autoFiltering(true).build());
    }
    int port = Integer.parseInt(arguments[0]);
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.setExecutor(Executors.newFixedThreadPool(8));
    server.createContext("/", exchange -> answer(endpoint, port, exchange));
    server.start();
  }

  private static void answer(ResourceEndpoint endpoint, int port, HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    Map<String, String> headers = new HashMap<>();
    exchange.getRequestHeaders().forEach((name, values) -> headers.put(name, String.join(",", values)));
    String url = "http://127.0.0.1:" + port + exchange.getRequestURI();
    HttpMethod method = HttpMethod.valueOf(exchange.getRequestMethod());
    ScimResponse response = endpoint.handleRequest(url, method, body.isEmpty() ? null : body, headers, new Context(null));
    response.getHttpHeaders().forEach((name, value) -> exchange.getResponseHeaders().set(name, value));
    int status = response.getHttpStatus();
    boolean isEmpty = response.isEmpty() || status == 204 || status == 304;
    byte[] content = isEmpty ? new byte[0] : response.toString().getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, content.length == 0 ? -1 : content.length);
    if (content.length > 0) exchange.getResponseBody().write(content);
    exchange.close();
  }

  /** A handler as the documentation of SCIM-SDK has it; what is kept is a copy. */
  private abstract static class Resources<T extends ResourceNode> extends ResourceHandler<T> {
    private final Map<String, T> stored = new ConcurrentSkipListMap<>();
    private final Function<T, String> nameOf;

    Resources(Function<T, String> nameOf) {
      this.nameOf = nameOf;
    }

    @Override
    public synchronized T createResource(T resource, Context context) {
      String id = UUID.randomUUID().toString();
      demandFree(resource, id);
      resource.setId(id);
      Meta meta = resource.getMeta().orElseThrow();
      meta.setCreated(Instant.now());
      meta.setLastModified(meta.getCreated().orElseThrow());
      stored.put(id, copyOf(resource));
      return resource;
    }

    @Override
    public T getResource(String id, List<SchemaAttribute> attributes, List<SchemaAttribute> excluded, Context context) {
      T found = stored.get(id);
      return found == null ? null : copyOf(found);
    }

    @Override
    public PartialListResponse<T> listResources(long startIndex, int count, FilterNode filter, SchemaAttribute sortBy,
        SortOrder sortOrder, List<SchemaAttribute> attributes, List<SchemaAttribute> excluded, Context context) {
      List<T> all = new ArrayList<>();
      stored.values().forEach(resource -> all.add(copyOf(resource)));
      // With autoFiltering, filters and pages are made of all that is returned here.
      return PartialListResponse.<T>builder().resources(all).totalResults(all.size()).build();
    }

    @Override
    public synchronized T updateResource(T resource, Context context) {
      String id = resource.getId().orElseThrow();
      T before = stored.get(id);
      if (before == null) throw new ResourceNotFoundException("There is no resource " + id);
      demandFree(resource, id);
      Meta meta = resource.getMeta().orElseThrow();
      meta.setCreated(before.getMeta().flatMap(Meta::getCreated).orElseGet(Instant::now));
      meta.setLastModified(Instant.now());
      stored.put(id, copyOf(resource));
      return resource;
    }

    @Override
    public synchronized void deleteResource(String id, Context context) {
      if (stored.remove(id) == null) throw new ResourceNotFoundException("There is no resource " + id);
    }

    private void demandFree(T resource, String id) {
      String name = nameOf.apply(resource);
      boolean isTaken = stored.values().stream()
          .anyMatch(other -> !other.getId().orElse("").equals(id) && nameOf.apply(other).equalsIgnoreCase(name));
      if (isTaken) throw new ConflictException("The name is taken.");
    }

    @SuppressWarnings("unchecked")
    private T copyOf(T resource) {
      JsonNode copy = JsonHelper.readJsonDocument(resource.toString());
      return (T) JsonHelper.copyResourceToObject(copy, resource.getClass());
    }
  }
}
