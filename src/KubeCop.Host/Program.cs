using KubeCop.Host.Commands;

return await KubeCopCommand.RunAsync(args);
