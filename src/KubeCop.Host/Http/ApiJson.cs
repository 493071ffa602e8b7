using System.Text.Json;
using System.Text.Json.Serialization;
using KubeCop.Host.Commands;

namespace KubeCop.Host.Http;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(NodeView))]
[JsonSerializable(typeof(ItemList<ContainerView>))]
[JsonSerializable(typeof(ItemList<ProfileView>))]
[JsonSerializable(typeof(ItemList<RuleView>))]
[JsonSerializable(typeof(BindingsView))]
[JsonSerializable(typeof(ItemList<TestDeliveryView>))]
[JsonSerializable(typeof(AllowRequest))]
[JsonSerializable(typeof(MalwareView))]
[JsonSerializable(typeof(ScanRequest))]
[JsonSerializable(typeof(ItemList<ScanStartView>))]
[JsonSerializable(typeof(ItemList<QuarantineView>))]
[JsonSerializable(typeof(ProblemView))]
[JsonSerializable(typeof(StorageCheckView))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(string))]
internal sealed partial class ApiJson : JsonSerializerContext;
