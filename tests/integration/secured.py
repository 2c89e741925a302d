"""A real broker that trusts nobody: TLS and logins on every listener, and nothing allowed without an ACL."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from cryptography.hazmat.primitives import serialization
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.kafka_server import KafkaServer

SECURITY_PAGE = Path(__file__).parents[2] / "docs/security.md"
WORKER = "A worker"
SETUP = "Who runs `streamssl topics create`"
RETIRING = "Who runs `streamssl workers retire`"
CONNECTOR = "The review service, or a connector"
OTHERS = "Who sends events and labels, and reads predictions"
"""Headings of the page's tables of permissions."""

USERS = {"admin": "adm1n-Passwort", "streamssl": "s3cret-Passwort, $with {odd} 'signs'", "plain": "pl4in-Passwort"}
"""Name -> password; `plain` logs in with PLAIN, the others with SCRAM."""

LISTENERS = """\
listeners=LOGIN://127.0.0.1:{{port}},MUTUAL://127.0.0.1:{{second_port}},CONTROLLER://127.0.0.1:{{controller}}
advertised.listeners=LOGIN://127.0.0.1:{{port}},MUTUAL://127.0.0.1:{{second_port}}
listener.security.protocol.map=LOGIN:SASL_SSL,MUTUAL:SSL,CONTROLLER:SSL
inter.broker.listener.name=MUTUAL
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/
listener.name.login.ssl.client.auth=none
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.login.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.login.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.login.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_plain="{plain}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:broker
allow.everyone.if.no.acl.found=false
"""
"""Clients log in on the first port and show a certificate on the second, which the broker itself uses too."""


class Permission(NamedTuple):
    """One row of the page's table: what a user may do to what."""

    resource: str
    """Topic, Group or TransactionalId."""
    pattern: str
    """literal or prefixed."""
    name: str
    operation: str

    def under(self, prefix: str) -> Permission:
        """Return the same for topics and a group whose names begin with a prefix."""
        return self._replace(name=prefix + self.name)


def permissions(heading: str) -> list[Permission]:
    """Return the table of permissions under a heading of the security page."""
    section = SECURITY_PAGE.read_text().split(f"### {heading}\n")[1].split("\n#")[0]
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line
    ]
    assert [cell.lower() for cell in rows[0][:4]] == ["resource", "pattern", "name", "operation"]
    return [Permission(*row[:4]) for row in rows[2:]]


class SecuredBroker:
    """The broker, its authority's certificates and its users.

    Parameters
    ----------
    directory
        For the certificates and the broker's data.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._authority = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(self.ca_file)
        keystore = self._keystore()
        listeners = LISTENERS.format(keystore=keystore, truststore=self.ca_file, plain=USERS["plain"])
        self.server = KafkaServer(
            directory / "broker",
            listeners,
            [
                option
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
                for option in ("--add-scram", f'{mechanism}=[name="admin",password="{USERS["admin"]}"]')
            ],
            self.client("admin"),
        )

    def start(self) -> SecuredBroker:
        """Start and wait until the administrator gets an answer."""
        self.server.start()
        with self.administrator() as admin:
            for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
                user = UserScramCredentialUpsertion("streamssl", mechanism, USERS["streamssl"], iterations=4096)
                assert admin.alter_user_scram_credentials([user]) == {"streamssl": None}
        return self

    def sections(self, user: str = "streamssl", mechanism: str = "SCRAM-SHA-512") -> dict[str, Any]:
        """Return the section ``kafka`` of a configuration that logs in; the password is not part of it."""
        return {
            "bootstrap_servers": self.server.bootstrap,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": mechanism,
            "sasl_username": user,
            "ssl_cafile": str(self.ca_file),
        }

    def mutual_sections(self, name: str) -> dict[str, Any]:
        """Return the section ``kafka`` of a configuration whose client shows a certificate of this name."""
        certificate, key = self.client_certificate(name)
        return {
            "bootstrap_servers": f"127.0.0.1:{self.server.second_port}",
            "security_protocol": "SSL",
            "ssl_cafile": str(self.ca_file),
            "ssl_certfile": str(certificate),
            "ssl_keyfile": str(key),
        }

    def client_certificate(self, name: str) -> tuple[Path, Path]:
        """Return the files of a client's certificate and key."""
        issued = self._authority.issue_cert(f"{name}.test", common_name=name)
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        return certificate, key

    def client(self, user: str) -> dict[str, Any]:
        """Return the options of kafka-python for one who logs in."""
        return {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": USERS[user],
            "ssl_cafile": str(self.ca_file),
        }

    def administrator(self) -> KafkaAdminClient:
        """Return a client that may do everything."""
        return KafkaAdminClient(bootstrap_servers=self.server.bootstrap, **self.client("admin"))

    def allow(self, user: str, granted: Sequence[Permission]) -> None:
        """Let a user do exactly this, and wait until the broker goes by it."""
        everything = ACLFilter(
            f"User:{user}",
            None,
            ACLOperation.ANY,
            ACLPermissionType.ANY,
            ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
        )
        with self.administrator() as admin:
            admin.delete_acls([everything])
            _until_it_has(admin, everything, 0)
            if granted:
                assert not admin.create_acls([_acl(user, each) for each in granted])["failed"]
            _until_it_has(admin, everything, len(granted))

    def _keystore(self) -> Path:
        issued = self._authority.issue_cert("localhost", "127.0.0.1", common_name="broker")
        # trustme writes the key as PKCS#1 or SEC 1; Java reads PKCS#8 only.
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        path = self.directory / "broker.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + issued.cert_chain_pems[0].bytes()
        )
        return path


def _acl(user: str, permission: Permission) -> ACL:
    resource = "TRANSACTIONAL_ID" if permission.resource == "TransactionalId" else permission.resource.upper()
    operation = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", permission.operation).upper()
    return ACL(
        f"User:{user}",
        "*",
        ACLOperation[operation],
        ACLPermissionType.ALLOW,
        ResourcePattern(
            ResourceType[resource], permission.name, ACLResourcePatternType[permission.pattern.upper()]
        ),
    )


def _until_it_has(admin: KafkaAdminClient, wanted: ACLFilter, number: int) -> None:
    """Wait: the controller answers before the broker's authorizer has heard of a change."""
    deadline = time.monotonic() + 10
    while len(found := admin.describe_acls(wanted)[0]) != number:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
