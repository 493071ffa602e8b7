using KubeCop.Sensor.Bpf;

namespace KubeCop.Tests.Sensor.Bpf;

/// <summary>Logs as libbpf 1.1 writes them. The missing field is tested with a real kernel in <c>KernelDifferencesTests</c>.</summary>
public sealed class LoadFailureTests
{
    [Theory]
    [InlineData(
        "cap_capable",
        "this kernel has no cap_capable",
        "libbpf: prog 'cap_capable': failed to find kernel BTF type ID of 'cap_capable': -3\nlibbpf: prog 'cap_capable': failed to prepare load attributes: -3\n"
            + "libbpf: prog 'cap_capable': failed to load: -3\nlibbpf: failed to load object 'kubecop.bpf'\n")]
    [InlineData(
        "sys_exit",
        "this kernel's enum bpf_func_id has no value BPF_FUNC_new",
        "libbpf: prog 'sys_exit': BPF program load failed: Invalid argument\nlibbpf: prog 'sys_exit': -- BEGIN PROG LOAD LOG --\n"
            + "7: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <enumval_value> [9] enum bpf_func_id::BPF_FUNC_new = 3\n"
            + "processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n-- END PROG LOAD LOG --\n")]
    [InlineData(
        "connect4",
        "R1 type=scalar expected=map_ptr",
        "libbpf: prog 'connect4': BPF program load failed: Permission denied\nlibbpf: prog 'connect4': -- BEGIN PROG LOAD LOG --\n"
            + "12: (85) call bpf_map_lookup_elem#1\nR1 type=scalar expected=map_ptr\n"
            + "processed 12 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n-- END PROG LOAD LOG --\n"
            + "libbpf: prog 'connect4': failed to load: -13\nlibbpf: failed to load object 'kubecop.bpf'\n")]
    [InlineData(
        "connect4",
        "prog 'connect4': BPF program load failed: Operation not permitted",
        "libbpf: prog 'connect4': BPF program load failed: Operation not permitted\nlibbpf: prog 'connect4': failed to load: -1\n"
            + "libbpf: failed to load object '7fe021c380e0-9bdf8'\n")]
    [InlineData("", "map 'bulk': failed to create: Operation not permitted(-1)", "libbpf: map 'bulk': failed to create: Operation not permitted(-1)\n")]
    public void Log_OfAFailure_TellsProgramAndCause(string program, string reason, string log) =>
        Assert.Equal((program, reason), (LoadFailure.ProgramOf(log), LoadFailure.ReasonOf(log)));
}
