using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Tosec.Tests")]
