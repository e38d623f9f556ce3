# pragma version ~=0.4.3
# pragma optimize gas
"""
@title Token
@license Apache-2.0
@notice ERC-20 of the demo economy: the whole supply is made at deployment and given to the deployer.
@dev No owner, no minting later, no fees. A transfer that exceeds the balance reverts.
"""

from ethereum.ercs import IERC20

implements: IERC20

name: public(constant(String[16])) = "Tally Demo Token"
symbol: public(constant(String[8])) = "TDT"
decimals: public(constant(uint8)) = 18

totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(supply: uint256):
    """
    @param supply Units made, all to the deployer.
    """
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply
    log IERC20.Transfer(sender=empty(address), receiver=msg.sender, value=supply)


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Move units of the caller.
    """
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Move units of an owner who allowed the caller to.
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    assert allowed >= amount, "token: allowance exceeded"
    if allowed != max_value(uint256):
        self.allowance[owner][msg.sender] = unsafe_sub(allowed, amount)
    self._move(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Let a spender move up to this many units of the caller.
    """
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@internal
def _move(owner: address, to: address, amount: uint256):
    assert to != empty(address), "token: receiver is zero"
    held: uint256 = self.balanceOf[owner]
    assert held >= amount, "token: balance exceeded"
    self.balanceOf[owner] = unsafe_sub(held, amount)
    self.balanceOf[to] = unsafe_add(self.balanceOf[to], amount)
    log IERC20.Transfer(sender=owner, receiver=to, value=amount)
