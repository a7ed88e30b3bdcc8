"""An application function by aiocoap: answers POST /akma with K_AF (project profile AKMA-OSCORE-P1), and GET / under the context.

    af.py PORT A-KID PROTOCOL K_AF

PROTOCOL and K_AF are hexadecimal digits. Says "ready" when it serves. CBOR, HKDF and OSCORE are those of aiocoap, cbor2 and
cryptography: nothing here is Kaskade's.
"""

import asyncio
import json
import os
import secrets
import sys
import tempfile

import aiocoap
import aiocoap.resource
import cbor2
from aiocoap.credentials import CredentialsMap
from aiocoap.oscore_sitewrapper import OscoreSiteWrapper
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Akma(aiocoap.resource.Resource):
    def __init__(self, a_kid, protocol, k_af, credentials, folder):
        super().__init__()
        self.a_kid, self.protocol, self.credentials, self.folder = a_kid, protocol, credentials, folder
        self.secret = HKDF(SHA256(), 16, None, b"AKMA-OSCORE").derive(k_af)

    async def render_post(self, request):
        protocol, a_kid, n1, af_sid = cbor2.loads(request.payload)
        if (protocol, a_kid) != (self.protocol, self.a_kid) or len(n1) != 8:
            return aiocoap.Message(code=aiocoap.FORBIDDEN)
        ue_sid = secrets.token_bytes(3)
        payload = cbor2.dumps([secrets.token_bytes(8), ue_sid])
        folder = os.path.join(self.folder, ue_sid.hex())
        os.mkdir(folder)
        settings = {
            "sender-id_hex": af_sid.hex(),
            "recipient-id_hex": ue_sid.hex(),
            "secret_hex": self.secret.hex(),
            "salt_hex": (request.payload + payload).hex(),
        }
        with open(os.path.join(folder, "settings.json"), "w") as file:
            json.dump(settings, file)
        self.credentials.load_from_dict({f":{ue_sid.hex()}": {"oscore": {"basedir": folder}}})
        return aiocoap.Message(code=aiocoap.CREATED, payload=payload)


class Greeting(aiocoap.resource.Resource):
    async def render_get(self, request):
        if not request.remote.authenticated_claims:
            return aiocoap.Message(code=aiocoap.UNAUTHORIZED)
        return aiocoap.Message(payload=b"Good morning")


async def main(port, a_kid, protocol, k_af):
    with tempfile.TemporaryDirectory() as folder:
        credentials = CredentialsMap()
        site = aiocoap.resource.Site()
        site.add_resource(["akma"], Akma(a_kid, bytes.fromhex(protocol), bytes.fromhex(k_af), credentials, folder))
        site.add_resource([], Greeting())
        wrapped = OscoreSiteWrapper(site, credentials)
        await aiocoap.Context.create_server_context(wrapped, bind=("127.0.0.1", int(port)))
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
