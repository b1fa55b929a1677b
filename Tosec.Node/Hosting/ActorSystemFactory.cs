using System.Globalization;
using System.Net;
using System.Text;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Serilog;
using Tosec.Actors.Serialization;
using Tosec.Node.Configuration;

namespace Tosec.Node.Hosting;

/// <summary>Makes the node's actor system.</summary>
public static class ActorSystemFactory
{
    /// <summary>Name of every node's system: part of the addresses that members call each other by.</summary>
    public const string SystemName = "tosec";

    /// <summary>
    /// A cluster member's system or a local one, by <c>tosec.cluster.join</c>. It has joined nothing yet. What this program relies on
    /// wins over the user's <c>akka</c> section, and that over the reference files.
    /// </summary>
    /// <exception cref="NodeStartException">The port is taken, the certificate unreadable, or the <c>akka</c> section refused.</exception>
    public static ActorSystem Create(NodeSettings settings, ILogger log)
    {
        var config = ConfigurationFactory.ParseString(Enforced(settings))
            .WithFallback(settings.Akka)
            .WithFallback(ReferenceFiles.All);
        var setup = BootstrapSetup.Create().WithConfig(config).And(new SerilogSetup(log));
        if (settings.Cluster is { Join: true, Tls: { } tls })
            setup = setup.And(ClusterTls.CreateSetup(tls));
        try
        {
            return ActorSystem.Create(SystemName, setup);
        }
        catch (Exception e) when (e is not NodeStartException)
        {
            throw new NodeStartException($"the actor system does not start: {Innermost(e).Message}", e);
        }
    }

    /// <summary>Address of a member for Akka.</summary>
    public static Address AddressOf(DnsEndPoint member, ClusterSettings cluster)
    {
        // Addresses compare as texts, and the remoting writes its own IPv6 address in brackets.
        var host = member.Host.Contains(':', StringComparison.Ordinal) ? $"[{member.Host}]" : member.Host;
        return new Address(cluster.Tls is null ? "akka.tcp" : "akka.ssl.tcp", SystemName, host, member.Port);
    }

    private static Exception Innermost(Exception e) =>
        e is AggregateException { InnerExceptions: [var first, ..] } ? Innermost(first) : e.InnerException is { } inner ? Innermost(inner) : e;

    private static string Enforced(NodeSettings settings)
    {
        var hocon = new StringBuilder();
        Set("akka.loglevel", NodeLogging.AkkaLevel(settings.Log.Level));
        Set("akka.stdout-logger-class", TypeName(typeof(SilentLogger)));
        hocon.Append(CultureInfo.InvariantCulture, $"akka.loggers = [{Quoted(TypeName(typeof(SerilogActorLogger)))}]\n");
        Set("akka.actor.serializers.tosec", TypeName(typeof(ClusterMessageSerializer)));
        Set("akka.actor.serializers.json", TypeName(typeof(RefusingSerializer)));
        hocon.Append("akka.actor.serialization-bindings {\n")
            .Append(CultureInfo.InvariantCulture, $"  {Quoted(TypeName(typeof(IClusterMessage)))} = tosec\n}}\n");
        Set("akka.actor.serialization-settings.allow-unregistered-types", "off");
        if (!settings.Cluster.Join)
        {
            Set("akka.actor.provider", "local");
            return hocon.ToString();
        }

        Set("akka.actor.provider", "cluster");
        Set("akka.remote.dot-netty.tcp.hostname", settings.Cluster.Hostname);
        Set("akka.remote.dot-netty.tcp.port", settings.Cluster.Port.ToString(CultureInfo.InvariantCulture));
        Set("akka.remote.dot-netty.tcp.enable-ssl", settings.Cluster.Tls is null ? "off" : "on");
        hocon.Append(CultureInfo.InvariantCulture, $"akka.cluster.roles = [{settings.Role.ToString().ToLowerInvariant()}]\n");

        // A node that the cluster removed goes on serving under its last policy.
        Set("akka.cluster.run-coordinated-shutdown-when-down", "off");
        return hocon.ToString();

        void Set(string key, string value) => hocon.Append(CultureInfo.InvariantCulture, $"{key} = {Quoted(value)}\n");
    }

    private static string TypeName(Type type) => $"{type.FullName}, {type.Assembly.GetName().Name}";

    private static string Quoted(string text) =>
        "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
}
