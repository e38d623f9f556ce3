# pragma version ==0.4.3
# pragma evm-version shanghai
# pragma optimize gas
"""
@title Registry of models
@license Apache-2.0
@author The Tallystick authors
@notice A model is the hash of an exact integer program together
        with the hashes of what it was made from. The identifier
        is derived from those hashes and the owner, so nobody can
        take an identifier before the one it belongs to, and the
        same model has the same identifier on every ledger.

        States and who may move between them (the owner only):

            (unknown) -- register --> proposed -- activate --> active
            active -- retire --> retired
            proposed, active, retired -- revoke --> revoked

        A retired model makes no new predictions, its old ones stand.
        A revoked model should not be relied upon at all. Neither
        comes back. Everything kept here can be rebuilt from the
        events.
"""


# @dev We import and implement the interface that other
# contracts of this project read.
from interfaces import IModelRegistry
implements: IModelRegistry


# @dev The ERC-7992 record of a model. Field names follow the
# standard, not our convention.
struct ModelCommitment:
    modelHash: bytes32
    circuitHash: bytes32
    vkHash: bytes32
    proofSystemId: bytes4
    uri: String[256]


# @dev All that is known about one model.
struct Model:
    owner: address
    state: uint8
    registered_at: uint64
    program_hash: bytes32
    feature_spec_hash: bytes32
    dataset_hash: bytes32
    metrics_hash: bytes32
    parent: bytes32
    uri: String[256]


# @dev States of a model.
UNKNOWN: public(constant(uint8)) = 0
PROPOSED: public(constant(uint8)) = 1
ACTIVE: public(constant(uint8)) = 2
RETIRED: public(constant(uint8)) = 3
REVOKED: public(constant(uint8)) = 4


# @dev The ERC-7992 identifier of the proof system "anybody runs
# the program again": the first four bytes of the keccak-256 of
# the name "re-execution-v1".
PROOF_SYSTEM_ID: public(constant(bytes4)) = 0x6269798a


# @dev How many models were ever registered.
models_count: public(uint256)


# @dev Identifier of the n-th registered model, from zero.
model_at: public(HashMap[uint256, bytes32])


# @dev The models by identifier.
_models: HashMap[bytes32, Model]


# @dev Emitted once per model; its state is then proposed.
event ModelRegistered:
    model_id: indexed(bytes32)
    owner: indexed(address)
    program_hash: indexed(bytes32)
    feature_spec_hash: bytes32
    dataset_hash: bytes32
    metrics_hash: bytes32
    parent: bytes32
    uri: String[256]


# @dev Emitted at every later change of a model's state.
event ModelStateChanged:
    model_id: indexed(bytes32)
    previous_state: uint8
    new_state: uint8


@deploy
def __init__():
    """
    @dev There is nothing to set: the registry has no owner and
         no administrator.
    """
    pass


@external
def register(
    program_hash: bytes32,
    feature_spec_hash: bytes32,
    dataset_hash: bytes32,
    metrics_hash: bytes32,
    parent: bytes32,
    uri: String[256],
) -> bytes32:
    """
    @dev Registers a model in state proposed with the caller as
         its owner.
    @notice The dataset and metrics hashes may be empty where a
            user keeps them back; program and feature
            specification may not.
    @param program_hash The hash of the exact program's bytes.
    @param feature_spec_hash The hash of the feature specification
           that the program was made for.
    @param dataset_hash The hash of the manifest of the data that
           the model was trained on, or empty.
    @param metrics_hash The hash of the evaluation report, or empty.
    @param parent The identifier of the model that this one
           replaces, or empty.
    @param uri Where the program and its card can be fetched.
    @return bytes32 The identifier of the model.
    """
    assert program_hash != empty(bytes32), "model_registry: program hash is empty"
    assert feature_spec_hash != empty(bytes32), "model_registry: feature spec hash is empty"
    assert parent == empty(bytes32) or self._models[parent].state != UNKNOWN, "model_registry: parent is unknown"
    model_id: bytes32 = self._derive_id(
        msg.sender, program_hash, feature_spec_hash, dataset_hash, metrics_hash, parent
    )
    assert self._models[model_id].state == UNKNOWN, "model_registry: model is already registered"

    self._models[model_id] = Model(
        owner=msg.sender,
        state=PROPOSED,
        registered_at=convert(block.timestamp, uint64),
        program_hash=program_hash,
        feature_spec_hash=feature_spec_hash,
        dataset_hash=dataset_hash,
        metrics_hash=metrics_hash,
        parent=parent,
        uri=uri,
    )
    count: uint256 = self.models_count
    self.model_at[count] = model_id
    self.models_count = count + 1
    log ModelRegistered(
        model_id=model_id,
        owner=msg.sender,
        program_hash=program_hash,
        feature_spec_hash=feature_spec_hash,
        dataset_hash=dataset_hash,
        metrics_hash=metrics_hash,
        parent=parent,
        uri=uri,
    )
    return model_id


@external
def activate(model_id: bytes32):
    """
    @dev Moves a model from proposed to active; from then on its
         owner may commit predictions.
    @param model_id The 32-byte identifier of the model.
    """
    assert self._owned(model_id) == PROPOSED, "model_registry: model is not proposed"
    self._change_state(model_id, PROPOSED, ACTIVE)


@external
def retire(model_id: bytes32):
    """
    @dev Moves a model from active to retired; its predictions
         stand, new ones are refused.
    @param model_id The 32-byte identifier of the model.
    """
    assert self._owned(model_id) == ACTIVE, "model_registry: model is not active"
    self._change_state(model_id, ACTIVE, RETIRED)


@external
def revoke(model_id: bytes32):
    """
    @dev Moves a model to revoked from any other state; its
         predictions should no longer be relied upon.
    @param model_id The 32-byte identifier of the model.
    """
    state: uint8 = self._owned(model_id)
    assert state != REVOKED, "model_registry: model is already revoked"
    self._change_state(model_id, state, REVOKED)


@external
@view
def model(model_id: bytes32) -> Model:
    """
    @dev Returns all that is known about a model.
    @param model_id The 32-byte identifier of the model.
    @return Model The record of the model.
    """
    assert self._models[model_id].state != UNKNOWN, "model_registry: model is unknown"
    return self._models[model_id]


@external
@view
def authority(model_id: bytes32) -> (address, uint8, bytes32):
    """
    @dev Returns what a caller needs to decide whether somebody
         may speak for a model now.
    @notice An unknown model has owner zero and state 0.
    @param model_id The 32-byte identifier of the model.
    @return address The owner of the model.
    @return uint8 The state of the model.
    @return bytes32 The hash of the model's feature specification.
    """
    return self._models[model_id].owner, self._models[model_id].state, self._models[model_id].feature_spec_hash


@external
@view
def getModel(modelId: uint256) -> (ModelCommitment, bool, address):
    """
    @dev Returns a model in the shape of ERC-7992.
    @notice There is no circuit and no verifying key: predictions
            are checked by running the program again.
    @param modelId The identifier of the model as a number.
    @return ModelCommitment The commitment to the program.
    @return bool Whether the model is retired or revoked.
    @return address The owner of the model.
    """
    model_id: bytes32 = convert(modelId, bytes32)
    state: uint8 = self._models[model_id].state
    assert state != UNKNOWN, "model_registry: model is unknown"
    commitment: ModelCommitment = ModelCommitment(
        modelHash=self._models[model_id].program_hash,
        circuitHash=empty(bytes32),
        vkHash=empty(bytes32),
        proofSystemId=PROOF_SYSTEM_ID,
        uri=self._models[model_id].uri,
    )
    return commitment, state >= RETIRED, self._models[model_id].owner


@external
@pure
def derive_id(
    owner: address,
    program_hash: bytes32,
    feature_spec_hash: bytes32,
    dataset_hash: bytes32,
    metrics_hash: bytes32,
    parent: bytes32,
) -> bytes32:
    """
    @dev Returns the identifier that a model would have.
    @param owner The account that registers the model.
    @param program_hash The hash of the exact program's bytes.
    @param feature_spec_hash The hash of the feature specification.
    @param dataset_hash The hash of the dataset manifest, or empty.
    @param metrics_hash The hash of the evaluation report, or empty.
    @param parent The identifier of the replaced model, or empty.
    @return bytes32 The identifier of the model.
    """
    return self._derive_id(owner, program_hash, feature_spec_hash, dataset_hash, metrics_hash, parent)


@internal
@pure
def _derive_id(
    owner: address,
    program_hash: bytes32,
    feature_spec_hash: bytes32,
    dataset_hash: bytes32,
    metrics_hash: bytes32,
    parent: bytes32,
) -> bytes32:
    """
    @dev Hashes the ABI encoding of everything that makes the model
         what it is. The URI is not part of it: a file may move.
    @param owner The account that registers the model.
    @param program_hash The hash of the exact program's bytes.
    @param feature_spec_hash The hash of the feature specification.
    @param dataset_hash The hash of the dataset manifest, or empty.
    @param metrics_hash The hash of the evaluation report, or empty.
    @param parent The identifier of the replaced model, or empty.
    @return bytes32 The identifier of the model.
    """
    return keccak256(abi_encode(owner, program_hash, feature_spec_hash, dataset_hash, metrics_hash, parent))


@internal
@view
def _owned(model_id: bytes32) -> uint8:
    """
    @dev Checks that the caller owns a model.
    @param model_id The 32-byte identifier of the model.
    @return uint8 The state of the model.
    """
    state: uint8 = self._models[model_id].state
    assert state != UNKNOWN, "model_registry: model is unknown"
    assert self._models[model_id].owner == msg.sender, "model_registry: caller is not the owner"
    return state


@internal
def _change_state(model_id: bytes32, previous_state: uint8, new_state: uint8):
    """
    @dev Stores and announces a model's new state.
    @param model_id The 32-byte identifier of the model.
    @param previous_state The state of the model until now.
    @param new_state The state of the model from now on.
    """
    self._models[model_id].state = new_state
    log ModelStateChanged(model_id=model_id, previous_state=previous_state, new_state=new_state)
