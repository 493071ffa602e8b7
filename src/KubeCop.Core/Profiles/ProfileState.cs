namespace KubeCop.Core.Profiles;

/// <summary>The state of a profile; the words of JSON, labels, the PHASE column and metrics are these in lower case.</summary>
public enum ProfileState
{
    /// <summary>Growing; guards nothing yet.</summary>
    Learning,

    /// <summary>Complete: guards the containers of its revision.</summary>
    Final,

    /// <summary>Learned from containers that were already running: guards such containers only.</summary>
    Partial,

    /// <summary>Is not there any more: its containers register again.</summary>
    Gone,
}
