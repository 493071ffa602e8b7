using KubeCop.Host.Commands;

namespace KubeCop.Tests.Host.Commands;

public sealed class TextTableTests
{
    [Fact]
    public void Write_ToAnythingButATerminal_HasNoEscapeCodesAndNoWrapping()
    {
        using var output = new StringWriter();
        var wide = new string('x', 500);

        TextTable.Write(output, ["rule", "name"], [["R0001", wide], ["R1000", "\u001b[31mred"]]);

        Assert.DoesNotContain('\u001b', output.ToString());
        Assert.Contains(wide, output.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("RULE", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_ShortCells_LeaveNoBlanksAtTheEndOfALine()
    {
        using var output = new StringWriter();

        TextTable.WriteLines(output, ["rule", "name"], [["R0001", "a longer one"], ["R1000", "b"]]);

        Assert.Equal("RULE   NAME\nR0001  a longer one\nR1000  b\n", output.ToString());
    }
}
