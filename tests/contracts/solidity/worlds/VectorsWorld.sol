// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Deployer} from "../Deployer.sol";
import {Prover} from "../Prover.sol";
import {VectorsFile} from "./VectorsFile.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {ITreasury} from "../../../../contracts/interfaces/ITreasury.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {GrantId, Member, RecordId, RoundId, StreamId} from "../../../../contracts/types/Ids.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";

/// @notice The real contracts at the addresses that the vectors name, brought step by step to the state of a flow file.
/// @dev What only time or chance could bring about is set by cheatcode: counters of streams and grants, and the block hash of the draw. Every
/// key, record, re-key, cfrag and result goes in through the front door.
abstract contract VectorsWorld is Deployer, Prover {
    uint128 internal constant BOND = 1 ether;
    uint32 internal constant COOLDOWN_BLOCKS = 8_192;
    /// Committees up to this size are drawn for real, with a block hash searched for; beyond, n! orders are too many and the draw is mocked.
    uint256 internal constant LARGEST_DRAWN = 5;

    VectorsFile internal file;
    IKeyRegistry internal keys;
    IProxyRegistry internal proxies;
    IRecordRegistry internal records;
    IGrantRegistry internal grants;
    IConversionRounds internal rounds;
    ITreasury internal treasury;

    // --- deployment ---

    function deployFor(string memory name) internal {
        file = new VectorsFile(name);
        vm.chainId(file.number(".domain.chainId"));
        vm.warp(1_750_000_000);
        keys = IKeyRegistry(file.account(".domain.keyRegistry"));
        proxies = IProxyRegistry(file.account(".domain.proxyRegistry"));
        records = IRecordRegistry(file.account(".domain.recordRegistry"));
        grants = IGrantRegistry(file.account(".domain.grantRegistry"));
        rounds = IConversionRounds(file.account(".domain.conversionRounds"));
        treasury = ITreasury(makeAddr("treasury"));
        // Immutables are part of the code, so a constructor's result can be moved; nothing here has storage yet.
        vm.etch(address(treasury), address(deployTreasury(address(proxies), address(grants), address(rounds))).code);
        etchKeys(address(keys));
        etchProxies(address(proxies));
        vm.etch(address(records), address(deployRecordRegistry(keys)).code);
        IGrantRegistry.Settings memory forGrants = IGrantRegistry.Settings(0.001 ether, 0.1 ether, 365 days);
        vm.etch(address(grants), address(deployGrantRegistry(keys, proxies, records, treasury, address(rounds), forGrants)).code);
        IConversionRounds.Settings memory forRounds = IConversionRounds.Settings(60, 10, 30, 0.0001 ether, 0.1 ether);
        vm.etch(address(rounds), address(deployConversionRounds(grants, proxies, records, treasury, forRounds)).code);
    }

    function etchKeys(address place) internal {
        vm.etch(place, address(deployKeyRegistry()).code);
    }

    function etchProxies(address place) internal {
        IProxyRegistry.Settings memory settings = IProxyRegistry.Settings(BOND, 0.01 ether, 3, COOLDOWN_BLOCKS, 600);
        vm.etch(place, address(deployProxyRegistry(treasury, address(grants), address(rounds), settings)).code);
    }

    // --- a flow file, step by step ---

    function delegator() internal view returns (address) {
        return file.account(".delegator.account");
    }

    function delegatee() internal view returns (address) {
        return file.account(".delegatee.account");
    }

    function grantId() internal view returns (GrantId) {
        return GrantId.wrap(uint64(file.number(".grant.grantId")));
    }

    function label() internal view returns (bytes32) {
        return file.word(".label.label");
    }

    function entry(string memory list, uint256 i, string memory rest) internal pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]", rest);
    }

    /// @dev Both parties' keys, at the versions that the file names; versions below get keys of no meaning.
    function registerParties() internal {
        uint32 version = uint32(file.number(".delegator.version"));
        for (uint32 v = 1; v <= version; ++v) {
            uint256 secret = v == version ? uint256(file.word(".delegator.secret")) : scalarOf("earlier", v);
            (G1Point memory key, Proof memory proof) = proveG1Key(address(keys), delegator(), 1, v, secret);
            address owner = delegator();
            vm.prank(owner);
            keys.registerDelegatingKey(key, proof);
        }
        version = uint32(file.number(".delegatee.version"));
        for (uint32 v = 1; v <= version; ++v) {
            uint256 secret = v == version ? uint256(file.word(".delegatee.secret")) : scalarOf("earlier", v);
            (G2Point memory key, Proof memory proof) = proveG2Key(address(keys), delegatee(), v, secret);
            address user = delegatee();
            vm.prank(user);
            keys.registerReceivingKey(key, proof);
        }
    }

    /// @dev The stream of the file's number, in the file's epoch.
    function createStream() internal {
        uint64 id = uint64(file.number(".label.streamId"));
        vm.store(address(records), 0, bytes32(uint256(id - 1)));
        vm.assertEq(records.streamCount(), id - 1, "streamCount is not in slot 0 any more");
        address publisher = file.account(".records[0].publisher");
        uint256 epoch = file.number(".label.epoch");
        IRecordRegistry.Terms memory terms = IRecordRegistry.Terms(uint8(file.number(".threshold")), uint8(file.number(".committeeSize")), 0);
        vm.startPrank(delegator());
        records.createStream(keccak256("vectors"), "", terms);
        for (uint256 i = 0; i < epoch; ++i) {
            records.advanceEpoch(StreamId.wrap(id));
        }
        records.setPublisher(StreamId.wrap(id), publisher, true);
        vm.stopPrank();
        (bytes32 found,,) = records.labelOf(StreamId.wrap(id), uint32(epoch));
        vm.assertEq(found, label(), "label");
    }

    function recordAt(uint256 i) internal view returns (IRecordRegistry.RecordInput memory record) {
        record.c1 = file.g1(entry(".records", i, ".c1"));
        record.c2 = file.word(entry(".records", i, ".c2"));
        record.c3 = file.data(entry(".records", i, ".c3"));
        record.proof = file.proof(entry(".records", i, ".proof"));
        record.cidHash = file.word(entry(".records", i, ".cidHash"));
        record.tags = file.text(entry(".records", i, ".tags"));
    }

    function recordIdAt(uint256 i) internal view returns (RecordId) {
        return RecordId.wrap(uint256(file.word(entry(".records", i, ".recordId"))));
    }

    /// @dev Publishes the file's record `i` at the place that its id names; the place must be the next one.
    function publish(uint256 i) internal {
        IRecordRegistry.RecordInput memory record = recordAt(i);
        uint256 id = RecordId.unwrap(recordIdAt(i));
        uint32 epoch = uint32(file.number(".label.epoch"));
        vm.prank(address(uint160(id >> 32)));
        records.publish(StreamId.wrap(uint64(id >> 192)), epoch, uint32(id), record);
    }

    function committee() internal view returns (Member[] memory members) {
        bytes32[] memory packed = file.words(".grant.committee");
        members = new Member[](packed.length);
        for (uint256 i = 0; i < packed.length; ++i) {
            members[i] = Member.wrap(uint256(packed[i]));
        }
    }

    /// @dev The committee's proxies, with as many rotations as their key versions say.
    function joinProxies() internal {
        Member[] memory members = committee();
        uint256 latest;
        for (uint256 i = 0; i < members.length; ++i) {
            takeProxyKey(members[i], i, 1);
            if (members[i].keyVersionOf() > latest) latest = members[i].keyVersionOf();
        }
        for (uint16 version = 2; version <= latest; ++version) {
            for (uint256 i = 0; i < members.length; ++i) {
                if (members[i].keyVersionOf() >= version) takeProxyKey(members[i], i, version);
            }
            vm.roll(vm.getBlockNumber() + COOLDOWN_BLOCKS);
        }
        vm.roll(vm.getBlockNumber() + 1);
    }

    function takeProxyKey(Member member, uint256 i, uint16 version) private {
        address account = member.accountOf();
        uint256 secret = scalarOf("earlier", uint160(account) + version);
        if (version == member.keyVersionOf()) secret = uint256(file.word(entry(".grant.members", i, ".secret")));
        (G1Point memory key, Proof memory proof) = proveG1Key(address(proxies), account, 3, version, secret);
        if (version == 1) {
            hoax(account, BOND);
            proxies.join{value: BOND}(key, proof, "");
        } else {
            vm.prank(account);
            proxies.rotateKey(key, proof);
        }
    }

    function accessRequest() internal view returns (IGrantRegistry.AccessRequest memory request) {
        request.streamId = StreamId.wrap(uint64(file.number(".label.streamId")));
        request.epochFrom = uint32(file.number(".label.epoch"));
        request.epochTo = request.epochFrom;
        request.threshold = uint8(file.number(".threshold"));
        request.committeeSize = uint8(file.number(".committeeSize"));
        request.purpose = "vectors";
    }

    /// @dev The request of the file's grant id, and a draw that gives its committee in its order.
    function requestAccess() internal {
        IGrantRegistry.AccessRequest memory request = accessRequest();
        uint64 id = GrantId.unwrap(grantId());
        vm.store(address(grants), 0, bytes32(uint256(id - 1)));
        vm.assertEq(grants.grantCount(), id - 1, "grantCount is not in slot 0 any more");
        hoax(delegatee(), 1 ether);
        grants.requestAccess{value: 1 ether}(request);
        uint256 requestBlock = vm.getBlockNumber();
        vm.roll(requestBlock + 1);
        Member[] memory members = committee();
        if (members.length > LARGEST_DRAWN) {
            vm.mockCall(address(proxies), abi.encodeWithSelector(proxies.draw.selector), abi.encode(members));
        } else {
            vm.setBlockhash(requestBlock, blockHashOf(members, requestBlock));
        }
    }

    function blockHashOf(Member[] memory members, uint256 requestBlock) private view returns (bytes32) {
        bytes32 wanted = Transcript.committeeHash(members);
        (uint32 pool, uint8 n) = (proxies.poolSize(), uint8(members.length));
        for (uint256 salt = 1; salt < 5_000; ++salt) {
            bytes32 blockHash = keccak256(abi.encode(salt));
            bytes32 input = Transcript.drawInput(address(grants), grantId(), blockHash);
            Member[] memory drawn = proxies.draw(Transcript.drawSeed(input, drawOf(input).gamma), pool, requestBlock, n);
            if (Transcript.committeeHash(drawn) == wanted) return blockHash;
        }
        revert("no block hash found that draws the committee of the file");
    }

    /// @dev The owner's part in the draw, which no file has.
    function drawOf(bytes32 input) internal view returns (IGrantRegistry.DrawProof memory) {
        return proveDraw(input, uint256(file.word(".delegator.secret")));
    }

    function rekey() internal view returns (IGrantRegistry.Rekey memory value) {
        value.epoch = uint32(file.number(".label.epoch"));
        value.delegatingKey = file.g1(".delegator.key");
        value.maskedKey = file.g2(".grant.U");
        value.mask = file.g2(".grant.V");
        value.commitments = file.g1s(".grant.commitments");
        value.ephemeral = file.g1(".grant.R");
        value.ephemeralProof = file.proof(".grant.ephemeralProof");
        value.pads = file.words(".grant.pads");
    }

    /// @dev What a re-key is checked against; the two hashes of its points are the verifier's to fill in.
    function boundOf() internal view returns (Transcript.GrantContext memory bound) {
        bound.grantRegistry = address(grants);
        bound.grantId = grantId();
        bound.delegator = delegator();
        bound.delegatorKeyVersion = uint32(file.number(".delegator.version"));
        bound.delegatee = delegatee();
        bound.delegateeKeyVersion = uint32(file.number(".delegatee.version"));
        bound.threshold = uint8(file.number(".threshold"));
        bound.committeeSize = uint8(file.number(".committeeSize"));
        bound.committeeHash = Transcript.committeeHash(committee());
        bound.label = label();
    }

    function grantWith(IGrantRegistry.Rekey memory value) internal {
        IGrantRegistry.Rekey[] memory rekeys = new IGrantRegistry.Rekey[](1);
        rekeys[0] = value;
        IGrantRegistry.FirstRound memory none;
        G2Point memory receivingKey = file.g2(".delegatee.key");
        (GrantId id, uint40 expiry) = (grantId(), uint40(vm.getBlockTimestamp() + 1 days));
        (bytes32 input,) = grants.drawInputOf(id);
        IGrantRegistry.DrawProof memory draw = drawOf(input);
        vm.prank(delegator());
        grants.grant(id, expiry, 1_000, draw, receivingKey, rekeys, none);
    }

    // --- rounds ---

    function indicesOf(uint256 round) internal view returns (uint256[] memory) {
        return file.numbers(entry(".rounds", round, ".records"));
    }

    function roundIdOf(uint256 round) internal view returns (RoundId) {
        return RoundId.wrap(uint256(file.word(entry(".rounds", round, ".roundId"))));
    }

    function roundDataOf(uint256 round) internal view returns (IConversionRounds.RoundData memory) {
        return IConversionRounds.RoundData(
            label(),
            file.word(".grant.maskHash"),
            file.word(".grant.rekeyRest"),
            file.word(entry(".rounds", round, ".capsulesHash")),
            file.word(entry(".rounds", round, ".recordIdsHash"))
        );
    }

    function roundDataHashOf(uint256 round) internal view returns (bytes32) {
        return file.word(entry(".rounds", round, ".roundDataHash"));
    }

    /// @dev All capsules of the round, those that left it included.
    function capsulesOf(uint256 round) internal view returns (G1Point[] memory capsules) {
        uint256[] memory indices = indicesOf(round);
        capsules = new G1Point[](indices.length);
        for (uint256 j = 0; j < indices.length; ++j) {
            capsules[j] = file.g1(entry(".records", indices[j], ".c1"));
        }
    }

    /// @dev Opens the file's round; records that left it leave by cheatcode, since their capsules are good.
    function openRound(uint256 round) internal {
        uint256[] memory indices = indicesOf(round);
        IConversionRounds.RecordRef[] memory refs = new IConversionRounds.RecordRef[](indices.length);
        for (uint256 j = 0; j < indices.length; ++j) {
            refs[j].recordId = recordIdAt(indices[j]);
            refs[j].c1 = file.g1(entry(".records", indices[j], ".c1"));
            refs[j].sealHash = sealHashOf(recordAt(indices[j]));
        }
        (GrantId id, uint32 epoch) = (grantId(), uint32(file.number(".label.epoch")));
        (bytes32 maskHash, bytes32 rest) = (file.word(".grant.maskHash"), file.word(".grant.rekeyRest"));
        vm.prank(delegatee());
        RoundId opened = rounds.openRound(id, epoch, maskHash, rest, refs);
        vm.assertEq(RoundId.unwrap(opened), RoundId.unwrap(roundIdOf(round)), "round id");
        uint128 excluded = uint128(file.number(entry(".rounds", round, ".excluded")));
        if (excluded == 0) return;
        bytes32 head = keccak256(abi.encode(opened, 0));
        vm.store(address(rounds), head, vm.load(address(rounds), head) | bytes32(uint256(1) << 224)); // head.tailInUse
        vm.store(address(rounds), bytes32(uint256(head) + 1), bytes32(uint256(excluded)));
        vm.assertEq(rounds.roundOf(opened).excluded, excluded, "the excluded records are not where they were");
    }

    function cfragPath(uint256 round, uint256 slot) internal pure returns (string memory) {
        return entry(string.concat(entry(".rounds", round, ""), ".cfrags"), slot - 1, "");
    }

    /// @dev Posts the file's cfrags of a slot as the slot's own proxy.
    function submit(uint256 round, uint8 slot) internal {
        (RoundId id, Member[] memory members, bytes32 dataHash) = (roundIdOf(round), committee(), roundDataHashOf(round));
        string memory path = cfragPath(round, slot);
        (G1Point[] memory cfrags, Proof memory proof) = (file.g1s(string.concat(path, ".points")), file.proof(string.concat(path, ".proof")));
        vm.prank(members[slot - 1].accountOf());
        rounds.submitCfrags(id, members, dataHash, slot, cfrags, proof);
    }

    function challengeKeys() internal view returns (IConversionRounds.ChallengeKeys memory) {
        return IConversionRounds.ChallengeKeys(file.g1(".label.labelKey"), file.g1s(".grant.commitments"), file.word(".grant.rekeyTail"));
    }

    /// @dev A whole world of one file, up to the verified grant.
    function buildGranted(string memory name) internal {
        deployFor(name);
        registerParties();
        createStream();
        for (uint256 i = 0; i < 3; ++i) {
            publish(i);
        }
        joinProxies();
        requestAccess();
        grantWith(rekey());
    }
}
