namespace KubeCop.Core.Alerts;

/// <summary>Where alerts leave the grains. Implementations never block and never throw: what cannot be taken is counted as dropped.</summary>
public interface IAlertDispatcher
{
    void Dispatch(Alert alert);
}
