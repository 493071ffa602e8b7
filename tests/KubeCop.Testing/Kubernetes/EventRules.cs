using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// What the API server asks of Events of events.k8s.io/v1 (kubernetes, pkg/apis/core/validation/events.go), and how it shows them as Events of
/// the core group. There both are one object; here the latter is a copy, and those made in the core group are not shown in the former.
/// </summary>
internal static partial class EventRules
{
    private const int LongestWord = 128;
    private const int LongestNote = 1024;

    private static readonly (string New, string Core)[] Names =
    [
        ("regarding", "involvedObject"), ("note", "message"), ("reportingController", "reportingComponent"), ("deprecatedSource", "source"),
        ("deprecatedFirstTimestamp", "firstTimestamp"), ("deprecatedLastTimestamp", "lastTimestamp"), ("deprecatedCount", "count"),
    ];

    /// <param name="before">Null for a new one.</param>
    /// <exception cref="ApiStatusException">It is refused.</exception>
    public static void Check(ResourceKind kind, JsonObject? before, JsonObject value)
    {
        if (!ReferenceEquals(kind, BuiltInKinds.NewEvents))
        {
            return;
        }

        foreach (var time in (string[])[value.Text("eventTime"), value.Text("series", "lastObservedTime")])
        {
            if (time.Length > 0 && !MicroTime().IsMatch(time))
            {
                throw ApiStatusException.BadRequest($"Event in version \"v1\" cannot be handled as a Event: parsing time \"{time}\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse");
            }
        }

        var errors = before is null ? OfNew(value).ToList() : OfUpdate(before, value).ToList();
        if (errors.Count > 0)
        {
            throw ApiStatusException.Invalid(kind, value.Text("metadata", "name"), errors);
        }
    }

    /// <summary>The same in the words of the core group.</summary>
    public static JsonObject AsCore(JsonObject value)
    {
        var core = value.Copy();
        foreach (var (name, shown) in Names)
        {
            core.SetOrRemove(shown, core[name]);
            core.Remove(name);
        }

        core["apiVersion"] = "v1";
        core["source"] ??= new JsonObject();
        core["firstTimestamp"] ??= null;
        core["lastTimestamp"] ??= null;
        core.Metadata().Remove("managedFields");
        return core;
    }

    private static IEnumerable<string> OfNew(JsonObject value)
    {
        foreach (var field in (string[])["eventTime", "reportingController", "reportingInstance", "action", "reason"])
        {
            if (value.Text(field).Length == 0)
            {
                yield return $"{field}: Required value";
            }
        }

        if (value.Text("reportingController") is { Length: > 0 } controller && !QualifiedName().IsMatch(controller))
        {
            yield return $"reportingController: Invalid value: \"{controller}\": name part must consist of alphanumeric characters, '-', '_' or '.'";
        }

        foreach (var (field, limit) in ((string, int)[])[("reportingInstance", LongestWord), ("action", LongestWord), ("reason", LongestWord), ("note", LongestNote)])
        {
            if (Encoding.UTF8.GetByteCount(value.Text(field)) > limit)
            {
                yield return $"{field}: Invalid value: \"\": can have at most {limit} characters";
            }
        }

        if (value.Text("regarding", "namespace") is { Length: 0 } && value.Text("metadata", "namespace") is not ("default" or "kube-system"))
        {
            yield return "involvedObject.namespace: Invalid value: \"\": does not match event.namespace";
        }

        if (value.Text("type") is not ("Normal" or "Warning"))
        {
            yield return $"type: Invalid value: \"\": has invalid value: {value.Text("type")}";
        }

        foreach (var (field, name) in Names)
        {
            if (field.StartsWith("deprecated", StringComparison.Ordinal) && value.ContainsKey(field))
            {
                yield return $"{name}: Invalid value: \"\": needs to be unset";
            }
        }

        foreach (var error in OfSeries(value))
        {
            yield return error;
        }
    }

    private static IEnumerable<string> OfUpdate(JsonObject before, JsonObject value)
    {
        if (!JsonNode.DeepEquals(before["series"], value["series"]))
        {
            foreach (var error in OfSeries(value))
            {
                yield return error;
            }
        }

        foreach (var field in before.Concat(value).Select(static field => field.Key).Distinct())
        {
            if (field is not ("metadata" or "series") && !JsonNode.DeepEquals(before[field], value[field]))
            {
                yield return $"{field}: Invalid value: \"\": field is immutable";
            }
        }
    }

    private static IEnumerable<string> OfSeries(JsonObject value)
    {
        if (value["series"] is not JsonObject series)
        {
            yield break;
        }

        if (series["count"]?.GetValue<int>() is null or < 2)
        {
            yield return "series.count: Invalid value: \"\": should be at least 2";
        }

        if (series.Text("lastObservedTime").Length == 0)
        {
            yield return "series.lastObservedTime: Required value";
        }
    }

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$")]
    private static partial Regex MicroTime();

    [GeneratedRegex(@"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$")]
    private static partial Regex QualifiedName();
}
