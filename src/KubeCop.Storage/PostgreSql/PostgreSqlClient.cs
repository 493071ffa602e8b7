using System.Net.Sockets;
using Npgsql;

namespace KubeCop.Storage.PostgreSql;

/// <summary>What of PostgreSQL's client is used. Apart from the options, so that who only reads options does not load it.</summary>
internal static class PostgreSqlClient
{
    /// <summary>Version of what <c>schema.sql</c> makes; older versions of KubeCop refuse a database of a newer one.</summary>
    private const int Schema = 1;

    // Any number will do, as long as nobody else locks by it: the letters "kubecop".
    private const long SchemaLock = 0x6b756265636f70;

    public static bool CanParse(string connectionString)
    {
        try
        {
            return !string.IsNullOrEmpty(new NpgsqlConnectionStringBuilder(connectionString).Host);
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            return false;
        }
    }

    /// <summary>Where it is, without secrets.</summary>
    public static string Describe(PostgreSqlOptions options)
    {
        var connection = new NpgsqlConnectionStringBuilder(options.ConnectionString);
        return $"the database '{connection.Database ?? connection.Username}' of PostgreSQL at {connection.Host}:{connection.Port}";
    }

    /// <summary>Makes tables and queries that are missing. Several silos may do so at once; a user who may not make any needs them made before.</summary>
    public static async Task PrepareAsync(NpgsqlDataSource database, string store, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        if (await FindSchemaAsync(connection, store, cancellationToken))
        {
            return;
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock({SchemaLock})", cancellationToken);
        if (!await FindSchemaAsync(connection, store, cancellationToken))
        {
            using var script = new StreamReader(typeof(PostgreSqlClient).Assembly.GetManifestResourceStream("schema.sql")!);
            await ExecuteAsync(connection, await script.ReadToEndAsync(cancellationToken), cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    public static StorageFailure? Explain(Exception error) => error switch
    {
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } refusal => new(
            $"it does not let the user in ({refusal.SqlState})", "Check user and password in KubeCop:Storage:PostgreSql:ConnectionString, and pg_hba.conf.", false),
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } => new("there is no such database", "Make it: CREATE DATABASE kubecop.", false),
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } refusal => new(
            $"access is denied ({refusal.SqlState}: {refusal.MessageText})",
            "Make the user the database's owner, or have its owner run src/KubeCop.Storage/PostgreSql/schema.sql and grant the user both tables and the sequence.",
            false),
        PostgresException { SqlState: PostgresErrorCodes.UndefinedTable } => new(
            "its tables are missing", "Restore them if they were deleted by mistake, or restart kubecop to start all its states anew.", false),
        PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire or PostgresErrorCodes.UntranslatableCharacter } => new(
            "the name has a character that PostgreSQL cannot hold (NUL), or the database is not in UTF8", "Make the database with ENCODING 'UTF8'.", false),
        PostgresException refusal => new(
            $"the database refuses it ({refusal.SqlState}: {refusal.MessageText})", "Look into PostgreSQL's log; kubecop goes on trying.", refusal.IsTransient),
        NpgsqlException or SocketException or TimeoutException => new(
            $"it cannot be reached or does not answer ({error.GetBaseException().Message.TrimEnd('.')})", "Check that it runs and can be reached from this machine; kubecop goes on trying.", true),
        _ => null,
    };

    private static async Task<bool> FindSchemaAsync(NpgsqlConnection connection, string store, CancellationToken cancellationToken)
    {
        if (await ExecuteAsync(connection, "SELECT to_regclass('OrleansQuery')::text", cancellationToken) is not string)
        {
            return false;
        }

        var text = await ExecuteAsync(connection, "SELECT QueryText FROM OrleansQuery WHERE QueryKey = 'KubeCopStateSchema'", cancellationToken) as string;
        return text is null ? false
            : !int.TryParse(text, out var version) || version > Schema
            ? throw new StorageException($"The tables in {store} are of a later version of KubeCop; they are left as they are.", "Run that version again, or choose another database.")
            : true;
    }

    private static async Task<object?> ExecuteAsync(NpgsqlConnection connection, string text, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(text, connection);
        return await command.ExecuteScalarAsync(cancellationToken);
    }
}
