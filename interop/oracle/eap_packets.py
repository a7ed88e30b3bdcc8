"""Whole packets of EAP-AKA, EAP-AKA' and EAP-AKA' with forward secrecy, computed by a script that shares nothing with the program.

  python3 interop/oracle/eap_packets.py vectors

writes vectors/eap-packets.json. The inputs are those of RFC 9048 Appendix D case 1; the ephemeral keys those of RFC 7748 6.1 and
RFC 5903 8.1. Attributes stand in the order in which the program writes them: they have none by the specifications.
"""
import hashlib
import hmac
import json
import pathlib
import struct
import sys

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rows_apps import fips_186_2, prf_plus

H = bytes.fromhex
IDENTITY = b"0555444333222111"
RAND = H("81e92b6c0ee0e12ebceba8d92a99dfa5")
AUTN = H("bb52e91c747ac3ab2a5c23d15ee351d5")
IK = H("9744871ad32bf9bbd1dd5ce54e3e2e5a")
CK = H("5349fbe098649f948f5d2e973a81c00f")
RES = H("28d7b0f2a2ec3de5")
AUTS = H("0102030405060708090a0b0c0d0e")
NONCE_S = H("00112233445566778899aabbccddeeff")
IV = H("f0e1d2c3b4a5968778695a4b3c2d1e0f")
PSEUDONYM = b"7aBcDeFgHiJkLmNoP"
REAUTH_ID = b"8reauth@example.org"
NEXT_REAUTH_ID = b"8another@example.org"
NETWORK = b"WLAN"
X25519_KEYS = (
    "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
)
P256_KEYS = (
    "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
    "03dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180",
)

AKA, AKA_PRIME = 23, 50
REQUEST, RESPONSE = 1, 2
CHALLENGE, REJECT, SYNC, IDENTITY_ROUND, NOTIFICATION, REAUTH, CLIENT_ERROR = 1, 2, 4, 5, 12, 13, 14


def attribute(number, body):
    """Number, length in words, and what the attribute consists of, filled up with zeros."""
    body += bytes(-(len(body) + 2) % 4)
    return bytes([number, (len(body) + 2) // 4]) + body


def plain(number, value=b""):
    return attribute(number, b"\0\0" + value)


def counted(number, value, unit=1):
    return attribute(number, struct.pack(">H", len(value) * unit) + value)


def short(number, value):
    return attribute(number, struct.pack(">H", value))


def header(code, identifier, method, subtype, body):
    return struct.pack(">BBHBBH", code, identifier, 8 + len(body), method, subtype, 0) + body


class Keys:
    """The keys of one run."""

    def __init__(self, method, identity=IDENTITY, shared=None):
        self.method = method
        if method == AKA_PRIME:
            s = b"\x20" + NETWORK + struct.pack(">H", len(NETWORK)) + AUTN[:6] + b"\0\x06"
            made = hmac.new(CK + IK, s, hashlib.sha256).digest()
            key = made[16:] + made[:16]
            mk = prf_plus(key, b"EAP-AKA'" + identity, 208)
            self.k_encr, self.k_aut, self.k_re, self.msk, self.emsk = mk[:16], mk[16:48], mk[48:80], mk[80:144], mk[144:]
            if shared:
                mk = prf_plus(key + shared, b"EAP-AKA' FS" + identity, 160)
                self.k_re, self.msk, self.emsk = mk[:32], mk[32:96], mk[96:]
        else:
            self.mk = hashlib.sha1(identity + IK + CK).digest()
            out = fips_186_2(self.mk, 160)
            self.k_encr, self.k_aut, self.msk, self.emsk = out[:16], out[16:32], out[32:96], out[96:]

    def mac(self, octets):
        digest = hashlib.sha256 if self.method == AKA_PRIME else hashlib.sha1
        return hmac.new(self.k_aut, octets, digest).digest()[:16]

    def hidden(self, attributes):
        missing = -len(attributes) % 16
        if missing:
            attributes += bytes([6, missing // 4]) + bytes(missing - 2)
        cipher = Cipher(algorithms.AES(self.k_encr), modes.CBC(IV)).encryptor()
        return plain(129, IV) + plain(130, cipher.update(attributes) + cipher.finalize())

    def packet(self, code, identifier, subtype, body, behind=b""):
        """With AT_MAC at the end."""
        zeros = header(code, identifier, self.method, subtype, body + plain(11, bytes(16)))
        return zeros[:-16] + self.mac(zeros + behind)

    def reauthenticated(self, identity, counter):
        counter = struct.pack(">H", counter)
        if self.method == AKA_PRIME:
            mk = prf_plus(self.k_re, b"EAP-AKA' re-auth" + identity + counter + NONCE_S, 128)
        else:
            mk = fips_186_2(hashlib.sha1(identity + counter + NONCE_S + self.mk).digest(), 128)
        return mk[:64], mk[64:128]


def first(method):
    """What a challenge begins with."""
    if method == AKA:
        return plain(1, RAND) + plain(2, AUTN)
    return plain(1, RAND) + plain(2, AUTN) + short(24, 1) + counted(23, NETWORK)


def last(method):
    """AT_BIDDING: EAP-AKA is all that the server has."""
    return short(136, 0) if method == AKA else b""


def case(name, method, keys, request, response, **more):
    made = {
        "name": name,
        "method": {AKA: "EAP-AKA", AKA_PRIME: "EAP-AKA'"}[method],
        "identity": IDENTITY.decode(),
        "network_name": NETWORK.decode(),
        "rand": RAND, "autn": AUTN, "ck": CK, "ik": IK, "res": RES, "iv": IV,
        "k_encr": keys.k_encr, "k_aut": keys.k_aut, "msk": keys.msk, "emsk": keys.emsk,
        "request": request, "response": response,
    }
    made.update(more)
    return {k: v.hex() if isinstance(v, bytes) else v for k, v in made.items()}


def exchange(group):
    """The peer's public key and the secret."""
    if group == 1:
        private = x25519.X25519PrivateKey.from_private_bytes(H(X25519_KEYS[0]))
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return public, private.exchange(x25519.X25519PublicKey.from_public_bytes(H(X25519_KEYS[1])))
    curve = ec.SECP256R1()
    private = ec.derive_private_key(int(P256_KEYS[0], 16), curve)
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return public, private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, H(P256_KEYS[1])))


def cases():
    for method in (AKA_PRIME, AKA):
        keys = Keys(method)
        code = plain(134)
        label = {AKA: "EAP-AKA", AKA_PRIME: "EAP-AKA'"}[method]
        answer = counted(3, RES, 8) + code
        yield case(
            f"{label} challenge", method, keys,
            keys.packet(REQUEST, 41, CHALLENGE, first(method) + code + last(method)),
            keys.packet(RESPONSE, 41, CHALLENGE, answer),
        )
        names = counted(132, PSEUDONYM) + counted(133, REAUTH_ID)
        yield case(
            f"{label} challenge with names", method, keys,
            keys.packet(REQUEST, 41, CHALLENGE, first(method) + code + plain(135) + last(method) + keys.hidden(names)),
            keys.packet(RESPONSE, 41, CHALLENGE, answer + plain(135)),
            pseudonym=PSEUDONYM.decode(), reauthentication=REAUTH_ID.decode(),
            notification=keys.packet(REQUEST, 42, NOTIFICATION, short(12, 32768)),
            notification_response=keys.packet(RESPONSE, 42, NOTIFICATION, b""),
        )
        asked = header(REQUEST, 41, method, IDENTITY_ROUND, plain(13))
        said = header(RESPONSE, 41, method, IDENTITY_ROUND, counted(14, IDENTITY))
        digest = hashlib.sha256 if method == AKA_PRIME else hashlib.sha1
        code = plain(134, digest(asked + said).digest())
        yield case(
            f"{label} challenge after an identity round", method, keys,
            keys.packet(REQUEST, 42, CHALLENGE, first(method) + code + last(method)),
            keys.packet(RESPONSE, 42, CHALLENGE, counted(3, RES, 8) + code),
            identity_request=asked, identity_response=said,
        )
        kdf = short(24, 1) if method == AKA_PRIME else b""
        yield case(
            f"{label} synchronisation failure", method, keys,
            keys.packet(REQUEST, 41, CHALLENGE, first(method) + plain(134) + last(method)),
            header(RESPONSE, 41, method, SYNC, attribute(4, AUTS) + kdf), auts=AUTS,
        )
        yield from reauthentication(label, method, keys)
    for group, (_, server_key) in ((1, X25519_KEYS), (2, P256_KEYS)):
        public, shared = exchange(group)
        keys = Keys(AKA_PRIME, shared=shared)
        offer = short(153, group) + attribute(152, H(server_key))
        yield case(
            f"EAP-AKA' challenge with forward secrecy, group {group}", AKA_PRIME, keys,
            keys.packet(REQUEST, 41, CHALLENGE, first(AKA_PRIME) + offer + plain(134)),
            keys.packet(RESPONSE, 41, CHALLENGE, counted(3, RES, 8) + attribute(152, public) + plain(134)),
            group=group, private_key={1: X25519_KEYS, 2: P256_KEYS}[group][0], server_public_key=server_key,
            peer_public_key=public, k_re=keys.k_re,
        )


def reauthentication(label, method, keys):
    """The first after the challenge with names, by the name that was given there."""
    asked = short(19, 1) + plain(21, NONCE_S) + counted(133, NEXT_REAUTH_ID)
    request = keys.packet(REQUEST, 41, REAUTH, plain(134) + keys.hidden(asked))
    response = keys.packet(RESPONSE, 41, REAUTH, plain(134) + keys.hidden(short(19, 1)), NONCE_S)
    msk, emsk = keys.reauthenticated(REAUTH_ID, 1)
    too_small = keys.hidden(short(19, 1) + plain(20))
    made = case(f"{label} fast re-authentication", method, keys, request, response)
    made.update({
        "name_sent": REAUTH_ID.decode(), "next_reauthentication": NEXT_REAUTH_ID.decode(), "nonce_s": NONCE_S.hex(),
        "msk": msk.hex(), "emsk": emsk.hex(),
        "too_small_response": keys.packet(RESPONSE, 41, REAUTH, plain(134) + too_small, NONCE_S).hex(),
        "notification": keys.packet(REQUEST, 42, NOTIFICATION, short(12, 1026) + keys.hidden(short(19, 1))).hex(),
        "notification_response": keys.packet(RESPONSE, 42, NOTIFICATION, keys.hidden(short(19, 1))).hex(),
    })
    yield made


def main():
    document = {
        "source": "interop/oracle/eap_packets.py, computed by a script that shares nothing with the program",
        "notes": "Inputs of RFC 9048 Appendix D case 1; ephemeral keys of RFC 7748 6.1 and RFC 5903 8.1.",
        "cases": list(cases()),
    }
    path = pathlib.Path(sys.argv[1]) / "eap-packets.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print(f"{path.name}: {len(document['cases'])} cases")


if __name__ == "__main__":
    main()
