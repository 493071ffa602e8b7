using KubeCop.Testing.Containers;

// One containerd serves all tests of a run.
[assembly: AssemblyFixture(typeof(ContainerdFixture))]
