using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Remote.Transport.DotNetty;
using Tosec.Node.Configuration;

namespace Tosec.Node.Hosting;

/// <summary>Mutual TLS between members, by certificates of the operator's own authority.</summary>
internal static class ClusterTls
{
    /// <exception cref="NodeStartException">A file cannot be read, or the certificate has no key.</exception>
    public static DotNettySslSetup CreateSetup(ClusterTlsSettings settings)
    {
        var own = LoadOwn(settings);
        var authority = LoadAuthority(settings);
        return new DotNettySslSetup(
            own,
            suppressValidation: false,
            requireMutualAuthentication: true,
            validateCertificateHostname: false,
            (certificate, _, _, _, _) => IsIssuedBy(authority, certificate));
    }

    /// <summary>
    /// Whether the certificate was issued by one of the authorities and is valid now. The system's own authorities are not asked:
    /// membership is full trust, and any public authority's customer would have it.
    /// </summary>
    internal static bool IsIssuedBy(X509Certificate2Collection authority, X509Certificate2? certificate)
    {
        if (certificate is null)
            return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }

    private static X509Certificate2 LoadOwn(ClusterTlsSettings settings)
    {
        try
        {
            var certificate = X509CertificateLoader.LoadPkcs12FromFile(settings.Certificate, settings.Password);
            return certificate.HasPrivateKey
                ? certificate
                : throw new NodeStartException($"{settings.Certificate} (tosec.cluster.tls.certificate) holds no private key");
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new NodeStartException($"cannot read {settings.Certificate} (tosec.cluster.tls.certificate): {e.Message}", e);
        }
    }

    private static X509Certificate2Collection LoadAuthority(ClusterTlsSettings settings)
    {
        try
        {
            var authority = new X509Certificate2Collection();
            authority.ImportFromPemFile(settings.Ca);
            return authority.Count > 0
                ? authority
                : throw new NodeStartException($"{settings.Ca} (tosec.cluster.tls.ca) holds no certificate");
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new NodeStartException($"cannot read {settings.Ca} (tosec.cluster.tls.ca): {e.Message}", e);
        }
    }
}
