namespace Tosec.Engines.Waf.Rules;

/// <summary>
/// The configuration that the core rule set expects around it: engine switches, body processors, and denials of what the rules
/// could not judge. Numbers below 100000 are reserved for local use; 2000xx are those that other configurations give the same
/// checks.
/// </summary>
internal static class BaseRules
{
    /// <summary>Arguments above the limit.</summary>
    public const long TooManyArguments = 10010;

    /// <summary>A long run of one mark, or of a few in turn.</summary>
    public const long LongRun = 10011;

    /// <summary>A look-up expression of a Java logger, in the head or in the arguments; older rule sets do not know it.</summary>
    public const long LoggerLookupInHead = 10012;

    public const long LoggerLookupInArguments = 10013;

    /// <summary>A body that its processor could not parse.</summary>
    public const long UnreadableBody = 200002;

    /// <summary>
    /// Repetitions of one to four marks that pass. Runs of marks are what makes the rules' expressions backtrack; letters, digits, blanks
    /// and the marks people draw lines with occur in long runs in honest text and do not.
    /// </summary>
    public const int LongestRun = 255;

    // ${jndi: itself, or an expression inside an expression, which is how the word is hidden.
    private const string LoggerLookup = @"(?i)\$\{(?:\s*jndi\s*:|[^{}]{0,64}\$\{[^{}]{0,32}:)";

    /// <summary>The base configuration. <paramref name="truncated"/>: name of the request field that marks a cut-off body.</summary>
    public static string Text(WafSettings settings, string truncated) => $$"""
        SecRuleEngine On
        SecAuditEngine Off
        SecRequestBodyAccess On
        SecResponseBodyAccess {{(settings.ResponseBodyLimit > 0 ? "On" : "Off")}}
        SecRequestBodyLimit {{Math.Max(settings.RequestBodyLimit + 4096, 4096)}}
        SecRequestBodyNoFilesLimit {{Math.Max(settings.RequestBodyLimit + 4096, 4096)}}
        SecRequestBodyLimitAction ProcessPartial
        SecRequestBodyJsonDepthLimit 64
        SecResponseBodyLimit {{Math.Max(settings.ResponseBodyLimit, 1)}}
        SecResponseBodyLimitAction ProcessPartial
        SecResponseBodyMimeType {{string.Join(' ', settings.ResponseBodyTypes)}}
        SecArgumentsLimit {{settings.ArgumentsLimit + 1}}
        SecArgumentSeparator &
        SecCookieFormat 0

        SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" \
            "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
        SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.-]+\+)?json" \
            "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"

        SecRule REQBODY_ERROR "!@eq 0" \
            "id:{{UnreadableBody}},phase:2,t:none,log,deny,status:400,severity:2,msg:'Request body cannot be parsed',tag:'attack-protocol',chain"
            SecRule &REQUEST_HEADERS:{{truncated}} "@eq 0" "t:none,chain"
            SecRule REQUEST_BODY_LENGTH "@gt 0" "t:none"
        SecRule MULTIPART_STRICT_ERROR "!@eq 0" \
            "id:200003,phase:2,t:none,log,deny,status:400,severity:2,msg:'Multipart body violates its format',tag:'attack-protocol'"
        SecRule MULTIPART_UNMATCHED_BOUNDARY "@eq 1" \
            "id:200004,phase:2,t:none,log,deny,status:400,severity:2,msg:'Multipart body has an unmatched boundary',tag:'attack-protocol'"

        SecRule &ARGS "@gt {{settings.ArgumentsLimit}}" \
            "id:{{TooManyArguments}},phase:2,t:none,log,deny,status:403,severity:2,msg:'Too many arguments',tag:'attack-dos'"
        SecRule REQUEST_URI_RAW|ARGS|ARGS_NAMES|REQUEST_HEADERS|REQUEST_COOKIES|REQUEST_COOKIES_NAMES|FILES|FILES_NAMES|XML:/* \
            "@rx ([^\w\s*=#.~+/%\x80-\xff-]{1,4})\1{{{LongestRun}}}" \
            "id:{{LongRun}},phase:2,t:none,log,deny,status:403,severity:2,msg:'Long run of marks',tag:'attack-dos'"

        SecRule REQUEST_URI_RAW|REQUEST_HEADERS|REQUEST_COOKIES "@rx {{LoggerLookup}}" \
            "id:{{LoggerLookupInHead}},phase:1,t:none,t:urlDecodeUni,t:htmlEntityDecode,log,deny,status:403,severity:2,\
            msg:'Logger look-up injection',tag:'attack-rce'"
        SecRule ARGS|ARGS_NAMES|XML:/* "@rx {{LoggerLookup}}" \
            "id:{{LoggerLookupInArguments}},phase:2,t:none,t:urlDecodeUni,t:htmlEntityDecode,log,deny,status:403,severity:2,\
            msg:'Logger look-up injection',tag:'attack-rce'"

        SecAction "id:10001,phase:1,t:none,nolog,pass,setvar:tx.paranoia_level={{settings.ParanoiaLevel}},\
            setvar:tx.executing_paranoia_level={{settings.ParanoiaLevel}},\
            setvar:tx.blocking_paranoia_level={{settings.ParanoiaLevel}},\
            setvar:tx.detection_paranoia_level={{settings.ParanoiaLevel}}"
        SecAction "id:10002,phase:1,t:none,nolog,pass,setvar:'tx.allowed_methods={{string.Join(' ', settings.AllowedMethods)}}'"

        """;
}
