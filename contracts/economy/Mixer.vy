# pragma version ~=0.4.3
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Mixer
@license Apache-2.0
@notice Pool of equal notes: pay one note in against a commitment, later have one note paid to a fresh address.
@dev Simplified on purpose. A note is opened in clear (secret and recipient), not by a zero-knowledge proof, so who reads
     the calldata can link the two ends; value transfers alone cannot be linked, which is what the economy needs.
     The commitment binds the recipient, so whoever relays an opening cannot redirect it.
"""

event Deposit:
    commitment: indexed(bytes32)


event Withdrawal:
    recipient: indexed(address)
    commitment: indexed(bytes32)
    fee: uint256


NOTE: public(immutable(uint256))
DELAY: public(immutable(uint256))
RELAY_FEE: public(immutable(uint256))

# Time of the deposit; 0 for no such note or one already paid out.
deposited_at: public(HashMap[bytes32, uint256])
known: public(HashMap[bytes32, bool])


@deploy
def __init__(note: uint256, delay: uint256, relay_fee: uint256):
    """
    @param note Size of every note, in wei.
    @param delay Seconds a note must stay.
    @param relay_fee Wei of a note that go to whoever sends the withdrawal.
    """
    assert relay_fee < note, "mixer: fee too high"
    NOTE = note
    DELAY = delay
    RELAY_FEE = relay_fee


@external
@payable
def deposit(commitment: bytes32):
    """
    @notice Pay one note in.
    @param commitment keccak256(secret ++ recipient as 32 bytes); used once.
    """
    assert msg.value == NOTE, "mixer: wrong amount"
    assert not self.known[commitment], "mixer: commitment used"
    self.known[commitment] = True
    self.deposited_at[commitment] = block.timestamp
    log Deposit(commitment=commitment)


@external
def withdraw(secret: bytes32, recipient: address):
    """
    @notice Pay the note of this opening to its recipient, less the relay fee.
    """
    commitment: bytes32 = keccak256(abi_encode(secret, recipient))
    since: uint256 = self.deposited_at[commitment]
    assert since != 0, "mixer: no such note"
    assert block.timestamp >= since + DELAY, "mixer: too early"
    self.deposited_at[commitment] = 0
    raw_call(recipient, b"", value=NOTE - RELAY_FEE)
    if RELAY_FEE != 0:
        raw_call(msg.sender, b"", value=RELAY_FEE)
    log Withdrawal(recipient=recipient, commitment=commitment, fee=RELAY_FEE)
