using System.CommandLine;
using KubeCop.Host.Client;
using KubeCop.Host.Configuration;

namespace KubeCop.Host.Commands;

/// <summary>The options of all verbs that talk to a running silo.</summary>
internal sealed class ClientOptions
{
    private readonly Option<string> _http = new("--http")
    {
        Description = $"Where the running silo is. Default: {NodeAddress.Variable}, else what it wrote into the data directory.",
        HelpName = "ADDRESS:PORT",
    };

    private readonly Option<string> _authorities = new("--cacert")
    {
        Description = "The authorities of the silo's certificate, in PEM form. Default: its very certificate in the data directory, or the system's authorities.",
        HelpName = "FILE",
    };

    private readonly Option<string> _dataDirectory = CommonOptions.DataDirectory();

    public ClientOptions(Command command)
    {
        command.Add(_http);
        command.Add(_authorities);
        command.Add(_dataDirectory);
    }

    public NodeClient Connect(ParseResult result)
    {
        var settings = Settings.Load(CommonOptions.Value(result, _dataDirectory, Keys.DataDirectory, Path.GetFullPath));
        return new NodeClient(NodeAddress.Find(result.GetValue(_http), settings.Node.DataDirectory), result.GetValue(_authorities));
    }
}
