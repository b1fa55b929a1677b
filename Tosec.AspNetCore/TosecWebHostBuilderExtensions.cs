using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Tosec.AspNetCore;

public static class TosecWebHostBuilderExtensions
{
    /// <summary>Kestrel's IP end points are TOSEC sockets from here. The guest's chains inspect what they carry; the kernel's sockets are not used.</summary>
    /// <remarks>Not together with the preload library (<c>tosec run</c>), which does the same to an unmodified server.</remarks>
    public static IWebHostBuilder UseTosec(this IWebHostBuilder builder, Action<TosecTransportOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigureServices(services =>
        {
            if (configure is not null)
                services.Configure(configure);
            services.AddSingleton<IConnectionListenerFactory, TosecConnectionListenerFactory>();
        });
    }
}
