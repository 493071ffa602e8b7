using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Profiles;
using KubeCop.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace KubeCop.Tests.Kubernetes.Profiles;

public sealed class ProfileChangesTests
{
    private const string Profiles = "applicationprofiles.kubescape.io";

    [Fact]
    public async Task Changes_AreCountedByWhatBecameOfTheObject_ButNotWhatWasThereBefore()
    {
        await using var api = await EmulatedApi.StartAsync();
        api.Server.Apply(Profile("before"));
        var objects = new ProfileObjects();
        var changes = new ProfileChanges(api.Client, Options.Create(new KubernetesOptions()), objects, TimeProvider.System, NullLogger<ProfileChanges>.Instance);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var reading = Task.Run(
            async () =>
            {
                await foreach (var _ in changes.WatchAsync("", stop.Token))
                {
                }
            },
            TestContext.Current.CancellationToken);
        await Wait.UntilAsync(() => api.Server.Watches(), static watches => watches.Count == 1, "a watch of profiles");

        api.Server.Apply(Profile("after"));
        await Wait.UntilAsync(() => objects.Created, static created => created == 1, "the new profile counted");
        api.Server.Apply(Profile("before", "kapprofiler.kubescape.io/final: 'true'"));
        api.Server.Apply(Profile("after", "kapprofiler.kubescape.io/final: 'true'"));
        await Wait.UntilAsync(() => objects.Updated, static updated => updated == 2, "both changes counted");
        api.Server.Delete(Profiles, "default", "before");
        await Wait.UntilAsync(() => objects.Deleted, static deleted => deleted == 1, "the deleted profile counted");

        Assert.Equal((1, 2, 1), (objects.Created, objects.Updated, objects.Deleted));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    private static string Profile(string name, string label = "app: web") =>
        $"apiVersion: kubescape.io/v1\nkind: ApplicationProfile\nmetadata:\n  name: {name}\n  namespace: default\n  labels:\n    {label}\nspec:\n  containers:\n  - name: app";
}
