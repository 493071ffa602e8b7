using System.Text;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Host.Http;

namespace KubeCop.Tests.Host.Http;

public sealed class ProfileReaderTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void Read_KubeCopsOwn_HasEverySection()
    {
        var given = Read("""
            apiVersion: kubescape.io/v1
            kind: ApplicationProfile
            metadata:
              name: statefulset-my-db
              namespace: shop
              labels: { kapprofiler.kubescape.io/final: "true" }
              resourceVersion: "17"
            spec:
              containers:
              - name: db
                execs: [{ path: /bin/db, args: ["-D", /data] }]
                opens: [{ path: /data/x, flags: [O_RDWR, O_CREAT] }]
                syscalls: [read, write]
                capabilities: [{ syscall: bind, caps: [NET_BIND_SERVICE] }]
                dns: [{ dnsName: a.example., addresses: [10.0.0.1] }]
                networkActivity:
                  incoming: { }
              initContainers:
              - name: init
                networkActivity:
                  outgoing: [{ protocol: TCP, port: 443, dstEndpoint: 10.96.0.1 }]
                  incoming: null
            """.Replace("incoming: { }", "incoming: []", StringComparison.Ordinal));

        Assert.Equal(("shop", new WorkloadKey("shop", "StatefulSet", "my-db")), (given.Namespace, given.Workload("shop")));
        var (db, init) = (given.Containers[0], given.Containers[1]);
        Assert.Equal(ProfileSections.All, db.Sections);
        Assert.Equal((ProfileSlot.GivenRevision, ProfileState.Final), (db.Revision, db.State));
        Assert.Equal(["-D", "/data"], Assert.Single(db.Execs).Args);
        Assert.Equal(["O_RDWR", "O_CREAT"], Assert.Single(db.Opens).Flags);
        Assert.Equal(["read", "write"], db.Syscalls.Select(static entry => entry.Name));
        Assert.Equal("bind", Assert.Single(db.Capabilities).Syscall);
        Assert.Equal(["10.0.0.1"], Assert.Single(db.Dns).Addresses);
        Assert.Equal(new NetworkEntry("tcp", 443, "10.96.0.1", Now), Assert.Single(init.Outgoing));
        Assert.Equal(ProfileSections.NetworkActivity, init.Sections);
    }

    [Theory]
    [InlineData("spec: {containers: [{name: a, exec: []}]}", "f.yaml:1: spec.containers[0].exec: unknown")]
    [InlineData("spec: {containers: [{name: a, execs: [{path: bin}]}]}", "spec.containers[0].execs[0].path: 'bin' is no absolute path")]
    [InlineData("spec: {containers: [{name: a, opens: [{path: /a, flags: [O_READ]}]}]}", "spec.containers[0].opens[0].flags: 'O_READ' is no flag")]
    [InlineData("spec: {containers: [{name: a, execs: /a}]}", "spec.containers[0].execs: a list is expected")]
    [InlineData("spec: {containers: [{name: a}, {name: a}]}", "container 'a' is there more than once")]
    [InlineData("spec: {containers: []}", "it has no containers")]
    [InlineData("spec: {container: []}", "spec.container: unknown")]
    [InlineData("spec: {containers: [{name: a, networkActivity: {incoming: [{protocol: tcp, port: 65536}]}}]}", "'65536' is no port")]
    [InlineData("spec: {containers: [{name: {}}]}", "spec.containers[0].name: a text is expected")]
    public void Read_WhatItDoesNotKnow_IsRefusedWithItsPlace(string spec, string reason) => Assert.Contains(
        reason,
        Assert.Throws<BadRequestException>(() => Read($"{{kind: ApplicationProfile, metadata: {{name: deployment-a, namespace: b}}, {spec}}}")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Read_WhatIsExported_GuardsTheSame()
    {
        var container = Assert.Single(Read("""
            kind: ApplicationProfile
            metadata: { name: pod-web }
            spec:
              containers:
              - name: web
                opens: [{ path: "(unreachable)/", flags: [O_WRONLY] }, { path: /data/⋯/x, flags: [O_RDONLY] }]
                capabilities: [{ syscall: bind, caps: [CAP_NET_BIND_SERVICE] }]
                networkActivity: { outgoing: [{ protocol: tcp, port: 443, dstEndpoint: "::ffff:10.96.0.1" }] }
            """).Containers);
        var profile = new CompiledProfile(container);

        Assert.NotEqual(0u, profile.OpenFlagsOf("(unreachable)/"));
        Assert.NotEqual(0u, profile.OpenFlagsOf("/data/any/x"));
        // Neither what stood for names that vary, nor what could not be written down, is made more or less of.
        Assert.Equal(0u, profile.OpenFlagsOf("/data/.ssh/x"));
        Assert.True(profile.ContainsCapability("NET_BIND_SERVICE", "bind", isRefused: false));
        Assert.Equal("10.96.0.1", Assert.Single(container.Outgoing).DstEndpoint);
        Assert.True(profile.ContainsCapability("SYS_ADMIN", "clone", isRefused: true));
        Assert.False(profile.ContainsCapability("SYS_ADMIN", "clone", isRefused: false));
    }

    [Fact]
    public void Read_MoreContainersThanCanBeGuarded_IsRefused() => Assert.Contains(
        "65 containers",
        Assert.Throws<BadRequestException>(() => Read(
            $"{{kind: ApplicationProfile, metadata: {{name: pod-web}}, spec: {{containers: [{string.Join(", ", Enumerable.Range(0, 65).Select(static number => $"{{name: c{number}}}"))}]}}}}"))
            .Message);

    [Fact]
    public void Read_FailedProfile_IsRefused() => Assert.Contains(
        "marked this profile as failed",
        Assert.Throws<BadRequestException>(() => Read(
            "{kind: ApplicationProfile, metadata: {name: pod-a, labels: {kapprofiler.kubescape.io/failed: 'true'}}, spec: {containers: [{name: a}]}}")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Read_PartialProfile_IsTakenWithARemark() => Assert.Contains(
        "when they start",
        Read("{kind: ApplicationProfile, metadata: {name: pod-a, labels: {kapprofiler.kubescape.io/partial: 'true'}}, spec: {containers: [{name: a}]}}").Remark,
        StringComparison.Ordinal);

    private static GivenProfile Read(string yaml) => ProfileReader.Read("f.yaml", Encoding.UTF8.GetBytes(yaml), Now);
}
