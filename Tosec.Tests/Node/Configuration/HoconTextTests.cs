using Tosec.Node.Configuration;

namespace Tosec.Tests.Node.Configuration;

public class HoconTextTests
{
    [Theory]
    [InlineData("a { b = 1 }\nc = [\n { d = 1 }\n { d = 2 },\n]")]
    [InlineData("a = [ { b = 1 }, { b = 2 } ]")]
    [InlineData("# a } comment\n// another ]\na = \"}\" # and {\n")]
    [InlineData("a = \"\"\"}\n]\"\"\"\nb = \"\\\"}\"")]
    [InlineData("a { b { c = 1 } d { e = 2 } }")]
    [InlineData("a : 1")]
    [InlineData("")]
    public void Check_accepts_what_the_parser_reads_as_it_is_meant(string text) => HoconText.Check("x.conf", text);

    [Theory]
    [InlineData("a = 1\n}\nb = 2", "x.conf, line 2: '}' closes nothing")]
    [InlineData("a {\n b = 1", "x.conf, line 1: the '{' of this line is never closed")]
    [InlineData("a = [1, 2\nb = 3", "x.conf, line 2: '=' inside a list")]
    [InlineData("a = [1, 2", "x.conf, line 1: the '[' of this line is never closed")]
    [InlineData("a = [1, 2}", "x.conf, line 1: '}' does not close the '[' of line 1")]
    [InlineData("a = [ { b = 1 } { c = 2 } ]", "x.conf, line 1: begin each object of a list on its own line")]
    [InlineData("a = ::1", "x.conf, line 1: write values with ':' in quotes")]
    [InlineData("a = ${b}", "x.conf, line 1: substitutions")]
    [InlineData("a = ${?b}", "x.conf, line 1: substitutions")]
    [InlineData("\na += 1", "x.conf, line 2: '+=' is not supported")]
    [InlineData("a = [*]", "x.conf, line 1: write values with '*' in quotes")]
    [InlineData("a = \n[ b\n?c ]", "x.conf, line 3: write values with '?' in quotes")]
    [InlineData("a = b\\c", "x.conf, line 1: write values with '\\' in quotes")]
    [InlineData("a = \"b\nc\"", "x.conf, line 1: a text in quotes does not end on its line")]
    [InlineData("a = \"\"\"b", "x.conf, line 1: the text in triple quotes that begins here never ends")]
    public void Check_names_the_line_of_what_the_parser_would_misread(string text, string message)
    {
        var e = Assert.Throws<SettingsException>(() => HoconText.Check("x.conf", text));
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
    }
}
