#!/usr/bin/env python3
"""Makes access tokens as an NRF does, by PyJWT and cryptography.

    make.py CLAIMS [KID]

CLAIMS is a JSON object. Writes one JSON object a line for each algorithm: {"alg", "key", "certificate", "token", "other"}: the
public key and a certificate in PEM, the token, and one by another key. Then {"alg": "none", "token"}. Exit status 3: PyJWT is
not installed.
"""

import datetime
import json
import sys

try:
    import jwt
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(3)

RSA = lambda: rsa.generate_private_key(65537, 2048)
KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RS256": RSA,
    "RS512": RSA,
    "PS256": RSA,
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def certificate(alg, key):
    """A certificate that an NRF signs for itself."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nrf")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(1))
    made = builder.sign(key, None if alg == "EdDSA" else hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def main():
    claims = json.loads(sys.argv[1])
    headers = {"kid": sys.argv[2]} if len(sys.argv) > 2 else None
    for alg, generate in KEYS.items():
        key, other = generate(), generate()
        public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        print(json.dumps({
            "alg": alg,
            "key": public.decode(),
            "certificate": certificate(alg, key),
            "token": jwt.encode(claims, key, algorithm=alg, headers=headers),
            "other": jwt.encode(claims, other, algorithm=alg, headers=headers),
        }))
    print(json.dumps({"alg": "none", "token": jwt.encode(claims, None, algorithm="none", headers=headers)}))


if __name__ == "__main__":
    main()
