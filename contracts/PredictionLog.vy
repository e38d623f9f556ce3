# pragma version ==0.4.3
# pragma evm-version shanghai
# pragma optimize gas
"""
@title Log of predictions
@license Apache-2.0
@author The Tallystick authors
@notice For each model a list of commitments, one per range of
        blocks [first, last) of the chain that the model watches.
        A commitment is the Merkle root over the predictions of
        that range and their number. The ranges of one model
        strictly increase; gaps are allowed. A commitment is never
        changed or removed.

        Leaves and tree are written down in
        docs/formats/prediction-log-v1.md: RFC 6962 with
        keccak-256.
"""


# @dev We import the interface of the registry that says who may
# speak for a model.
from interfaces import IModelRegistry


# @dev One commitment as it is read.
struct Commitment:
    root: bytes32
    first_block: uint64
    last_block: uint64
    count: uint64
    committed_at: uint64


# @dev The state of a model in which it may commit.
_ACTIVE: constant(uint8) = 2


# @dev No Merkle path is longer than the number of bits of a count.
_MAX_PROOF: constant(uint256) = 64


# @dev The registry whose models this log is for.
REGISTRY: public(immutable(address))


# @dev Per model: the number of commitments and, 64 bits higher,
# the end of the last range. One slot, written at every commit.
_heads: HashMap[bytes32, uint256]


# @dev Per model and number: the root.
_roots: HashMap[bytes32, HashMap[uint256, bytes32]]


# @dev Per model and number, from the highest bits down, 64 bits
# each: first block, last block, count, time. One slot.
_ranges: HashMap[bytes32, HashMap[uint256, uint256]]


# @dev Emitted at every commit.
event PredictionsCommitted:
    model_id: indexed(bytes32)
    index: indexed(uint256)
    first_block: uint64
    last_block: uint64
    count: uint64
    root: bytes32


@deploy
def __init__(registry: address):
    """
    @dev Binds the log to a registry for good.
    @param registry The address of the model registry.
    """
    assert registry.is_contract, "prediction_log: registry has no code"
    REGISTRY = registry


@external
def commit(
    model_id: bytes32,
    first_block: uint64,
    last_block: uint64,
    count: uint64,
    root: bytes32,
    feature_spec_hash: bytes32,
) -> uint256:
    """
    @dev Commits to the predictions of one range of blocks.
    @notice The model must be active and the caller its owner.
    @param model_id The 32-byte identifier of the model.
    @param first_block The first block of the range.
    @param last_block The block after the range's last.
    @param count The number of predictions under the root.
    @param root The Merkle root over the predictions.
    @param feature_spec_hash The hash of the feature specification
           that the predictions were computed with.
    @return uint256 The number of the commitment, from zero.
    """
    assert first_block < last_block, "prediction_log: range is empty"
    assert count != 0, "prediction_log: count is zero"
    assert root != empty(bytes32), "prediction_log: root is empty"
    self._check_authority(model_id, msg.sender, feature_spec_hash)

    head: uint256 = self._heads[model_id]
    assert convert(first_block, uint256) >= head >> 64, "prediction_log: range does not increase"
    index: uint256 = head & convert(max_value(uint64), uint256)
    # The next index stays clear of the upper bits: 2**64 commits are
    # out of reach.
    self._heads[model_id] = (convert(last_block, uint256) << 64) | (index + 1)
    self._roots[model_id][index] = root
    self._ranges[model_id][index] = self._pack(first_block, last_block, count)
    log PredictionsCommitted(
        model_id=model_id,
        index=index,
        first_block=first_block,
        last_block=last_block,
        count=count,
        root=root,
    )
    return index


@external
@view
def commitments_count(model_id: bytes32) -> uint256:
    """
    @dev Returns how many commitments a model has.
    @param model_id The 32-byte identifier of the model.
    @return uint256 The number of commitments.
    """
    return self._heads[model_id] & convert(max_value(uint64), uint256)


@external
@view
def next_block(model_id: bytes32) -> uint64:
    """
    @dev Returns the first block that a model's next range may
         begin with.
    @param model_id The 32-byte identifier of the model.
    @return uint64 The end of the last range; zero for none.
    """
    return convert(self._heads[model_id] >> 64, uint64)


@external
@view
def commitment(model_id: bytes32, index: uint256) -> Commitment:
    """
    @dev Returns one commitment of a model.
    @param model_id The 32-byte identifier of the model.
    @param index The number of the commitment, from zero.
    @return Commitment The commitment.
    """
    return self._commitment(model_id, index)


@external
@view
def verify_inclusion(
    model_id: bytes32,
    index: uint256,
    leaf_hash: bytes32,
    leaf_index: uint64,
    proof: DynArray[bytes32, _MAX_PROOF],
) -> bool:
    """
    @dev Tells whether a leaf stands at a place under a committed
         root, by the walk of RFC 9162, section 2.1.3.2.
    @notice The caller hashes the leaf itself. Whether the model is
            still active is not asked: see the registry.
    @param model_id The 32-byte identifier of the model.
    @param index The number of the commitment, from zero.
    @param leaf_hash The keccak-256 of the leaf's bytes.
    @param leaf_index The place of the leaf in the range, from zero.
    @param proof The siblings from the leaf up to the root.
    @return bool Whether the leaf is there.
    """
    committed: Commitment = self._commitment(model_id, index)
    return self._root_of(leaf_hash, leaf_index, committed.count, proof) == committed.root


@internal
@view
def _check_authority(model_id: bytes32, committer: address, feature_spec_hash: bytes32):
    """
    @dev Reverts unless the committer may speak for the model with
         this feature specification now.
    @param model_id The 32-byte identifier of the model.
    @param committer The account that commits.
    @param feature_spec_hash The hash of the feature specification.
    """
    owner: address = empty(address)
    state: uint8 = 0
    registered_hash: bytes32 = empty(bytes32)
    owner, state, registered_hash = staticcall IModelRegistry(REGISTRY).authority(model_id)
    assert state == _ACTIVE, "prediction_log: model is not active"
    assert owner == committer, "prediction_log: caller is not the owner"
    assert registered_hash == feature_spec_hash, "prediction_log: feature spec differs"


@internal
@view
def _pack(first_block: uint64, last_block: uint64, count: uint64) -> uint256:
    """
    @dev Packs a range and the present time into one word.
    @param first_block The first block of the range.
    @param last_block The block after the range's last.
    @param count The number of predictions.
    @return uint256 The word, 64 bits each from the highest down.
    """
    return (
        (convert(first_block, uint256) << 192)
        | (convert(last_block, uint256) << 128)
        | (convert(count, uint256) << 64)
        | block.timestamp
    )


@internal
@view
def _commitment(model_id: bytes32, index: uint256) -> Commitment:
    """
    @dev Reads and unpacks one commitment.
    @param model_id The 32-byte identifier of the model.
    @param index The number of the commitment, from zero.
    @return Commitment The commitment.
    """
    root: bytes32 = self._roots[model_id][index]
    assert root != empty(bytes32), "prediction_log: no such commitment"
    packed: uint256 = self._ranges[model_id][index]
    low: uint256 = convert(max_value(uint64), uint256)
    return Commitment(
        root=root,
        first_block=convert(packed >> 192, uint64),
        last_block=convert((packed >> 128) & low, uint64),
        count=convert((packed >> 64) & low, uint64),
        committed_at=convert(packed & low, uint64),
    )


@internal
@pure
def _root_of(
    leaf_hash: bytes32, leaf_index: uint64, count: uint64, proof: DynArray[bytes32, _MAX_PROOF]
) -> bytes32:
    """
    @dev Walks from a leaf to the root of a tree of a known size.
    @param leaf_hash The hash of the leaf.
    @param leaf_index The place of the leaf, from zero.
    @param count The number of leaves of the tree.
    @param proof The siblings from the leaf up.
    @return bytes32 The root, or zero where the path does not have
            the shape that place and size demand.
    """
    if leaf_index >= count:
        return empty(bytes32)
    node: uint256 = convert(leaf_index, uint256)
    last: uint256 = convert(count, uint256) - 1
    result: bytes32 = leaf_hash
    for sibling: bytes32 in proof:
        if last == 0:
            return empty(bytes32)
        if node & 1 == 1 or node == last:
            result = self._hash_node(sibling, result)
            # The last node rises alone until it has a left sibling.
            for _: uint256 in range(_MAX_PROOF):
                if node & 1 == 1 or node == 0:
                    break
                node >>= 1
                last >>= 1
        else:
            result = self._hash_node(result, sibling)
        node >>= 1
        last >>= 1
    if last != 0:
        return empty(bytes32)
    return result


@internal
@pure
def _hash_node(left: bytes32, right: bytes32) -> bytes32:
    """
    @dev Hashes two children into their parent.
    @param left The left child.
    @param right The right child.
    @return bytes32 The keccak-256 of 0x01, left and right.
    """
    return keccak256(concat(0x01, left, right))
