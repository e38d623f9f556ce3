# pragma version ~=0.4.3
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Exchange
@license Apache-2.0
@notice Constant-product exchange between the chain's coin and one token, with a fee of 3 in 1,000 kept in the pool.
@dev Liquidity is given once by the deployer and stays: there are no shares, so nothing can be taken out but by trading.
     Reserves are counted in storage; coins or tokens forced in from outside do not move the price.
"""

from ethereum.ercs import IERC20

event Trade:
    trader: indexed(address)
    is_buy: bool
    coin: uint256
    units: uint256


FEE_NUMERATOR: constant(uint256) = 997
FEE_DENOMINATOR: constant(uint256) = 1_000

TOKEN: immutable(IERC20)
OWNER: immutable(address)

coin_reserve: public(uint256)
token_reserve: public(uint256)


@deploy
def __init__(token: IERC20):
    """
    @param token The token traded against the coin.
    """
    TOKEN = token
    OWNER = msg.sender


@external
@payable
def seed(units: uint256):
    """
    @notice Give the first liquidity, once, as the deployer; the coin is the call's value.
    """
    assert msg.sender == OWNER, "exchange: not the owner"
    assert self.coin_reserve == 0, "exchange: seeded already"
    assert msg.value != 0 and units != 0, "exchange: nothing to seed"
    self.coin_reserve = msg.value
    self.token_reserve = units
    extcall TOKEN.transferFrom(msg.sender, self, units)


@external
@payable
def buy(least_units: uint256) -> uint256:
    """
    @notice Pay coin, get token units.
    @param least_units Revert when the price gives fewer.
    @return Units bought.
    """
    units: uint256 = self._quote(msg.value, self.coin_reserve, self.token_reserve)
    assert units >= least_units, "exchange: price moved"
    self.coin_reserve += msg.value
    self.token_reserve -= units
    extcall TOKEN.transfer(msg.sender, units)
    log Trade(trader=msg.sender, is_buy=True, coin=msg.value, units=units)
    return units


@external
def sell(units: uint256, least_coin: uint256) -> uint256:
    """
    @notice Give token units, get coin.
    @param least_coin Revert when the price gives less.
    @return Coin received, in wei.
    """
    coin: uint256 = self._quote(units, self.token_reserve, self.coin_reserve)
    assert coin >= least_coin, "exchange: price moved"
    self.token_reserve += units
    self.coin_reserve -= coin
    extcall TOKEN.transferFrom(msg.sender, self, units)
    raw_call(msg.sender, b"", value=coin)
    log Trade(trader=msg.sender, is_buy=False, coin=coin, units=units)
    return coin


@external
@view
def quote(given: uint256, is_buy: bool) -> uint256:
    """
    @notice What a trade of this size would give now.
    """
    if is_buy:
        return self._quote(given, self.coin_reserve, self.token_reserve)
    return self._quote(given, self.token_reserve, self.coin_reserve)


@internal
@pure
def _quote(given: uint256, reserve_in: uint256, reserve_out: uint256) -> uint256:
    assert reserve_in != 0, "exchange: not seeded"
    assert given != 0, "exchange: nothing given"
    # Rounded down, so the product of the reserves never falls.
    effective: uint256 = given * FEE_NUMERATOR
    return effective * reserve_out // (reserve_in * FEE_DENOMINATOR + effective)
