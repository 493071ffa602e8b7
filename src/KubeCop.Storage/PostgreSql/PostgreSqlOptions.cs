namespace KubeCop.Storage.PostgreSql;

/// <summary>Grain state in PostgreSQL 12 or newer, through Orleans' own provider for relational databases.</summary>
public sealed class PostgreSqlOptions
{
    /// <summary>
    /// Server, database and user in Npgsql's form, for example <c>Host=db;Database=kubecop;Username=kubecop;Password=…;SSL Mode=VerifyFull</c>.
    /// A secret. Its <c>Timeout</c> (to connect, 15 s) and <c>Command Timeout</c> (30 s) apply. No default.
    /// </summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>What is wrong with the options, for people and without their secrets; null when nothing is.</summary>
    public string? FindMistake() =>
        ConnectionString.Length == 0 ? "ConnectionString is empty; expected for example Host=db;Database=kubecop;Username=kubecop;Password=…."
        : PostgreSqlClient.CanParse(ConnectionString) ? null
        : "ConnectionString is none; expected Host=db;Database=kubecop;Username=kubecop;Password=…. It is not shown here: it may hold a password.";
}
