namespace KubeCop.Host.Tls;

/// <summary>
/// Room for handshakes that others have begun: whoever can reach the port can begin one and hold it open. Who finds no place waits for one, first come
/// first served, and whoever is at one address does not keep those of others waiting.
/// </summary>
internal sealed class HandshakePlaces
{
    /// <summary>Handshakes that are under way.</summary>
    public const int Most = 256;

    /// <summary>Of those, from one address. All silos of a machine, or behind one that translates addresses, have the same.</summary>
    public const int MostOfOne = 16;

    /// <summary>Connections that wait for a place; further ones are refused.</summary>
    public const int MostWaiting = 512;

    /// <summary>Of those, from one address.</summary>
    public const int MostWaitingOfOne = 256;

    private readonly SemaphoreSlim _places = new(Most);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Address> _addresses = new(StringComparer.Ordinal);
    private int _count;

    /// <summary>Waits for a place.</summary>
    /// <returns>Gives the place back; null when there is no room to wait either.</returns>
    /// <exception cref="OperationCanceledException">There was none in time.</exception>
    public async Task<IDisposable?> EnterAsync(string address, CancellationToken cancellationToken)
    {
        if (Come(address) is not { } own)
        {
            return null;
        }

        try
        {
            await own.Places.WaitAsync(cancellationToken);
            try
            {
                await _places.WaitAsync(cancellationToken);
            }
            catch
            {
                own.Places.Release();
                throw;
            }
        }
        catch
        {
            Go(own);
            throw;
        }

        return new Place(this, own);
    }

    private Address? Come(string name)
    {
        lock (_lock)
        {
            if (_count == Most + MostWaiting)
            {
                return null;
            }

            if (!_addresses.TryGetValue(name, out var address))
            {
                _addresses.Add(name, address = new Address(name));
            }
            else if (address.Count == MostOfOne + MostWaitingOfOne)
            {
                return null;
            }

            address.Count++;
            _count++;
            return address;
        }
    }

    private void Go(Address address)
    {
        lock (_lock)
        {
            _count--;
            if (--address.Count == 0)
            {
                _addresses.Remove(address.Name);
            }
        }
    }

    /// <summary>One from which connections have a place or wait for one.</summary>
    private sealed class Address(string name)
    {
        public string Name => name;

        public SemaphoreSlim Places { get; } = new(MostOfOne);

        public int Count { get; set; }
    }

    private sealed class Place(HandshakePlaces places, Address address) : IDisposable
    {
        private bool _isGiven;

        public void Dispose()
        {
            if (!_isGiven)
            {
                _isGiven = true;
                places._places.Release();
                address.Places.Release();
                places.Go(address);
            }
        }
    }
}
