#!/usr/bin/python3
"""Makes a domain of Samba's Active Directory, and accounts in it. Usage:

samba-domain.py provision FOLDER ADDRESS      a domain EXAMPLE.TEST of one controller, dc1
samba-domain.py account FOLDER NAME PASSWORD  an account without any rights
samba-domain.py grant FOLDER NAME             lets an account list and read what was deleted
samba-domain.py name FOLDER PRINCIPAL         gives the controller one more name as a service
samba-domain.py keytab FOLDER NAME FILE       writes the keys of an account into a file
samba-domain.py revoke FOLDER                 lets only administrators do so
samba-domain.py renew FOLDER                  makes another controller of a copy, by its invocationId
"""

import os
import runpy
import sys
import uuid

import ldb
import samba.param
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.samdb import SamDB

# Where the templates of a new domain are, if not where Debian's samba-ad-provision puts them.
TEMPLATES = os.environ.get("CONCORDAT_SAMBA_SETUP")
if TEMPLATES:
    samba.param.setup_dir = lambda: TEMPLATES

# As Windows has it (KB 892806): without this, Samba of some versions shows everybody what was deleted.
ADMINISTRATORS_ONLY = "O:SYG:SYD:PAI(A;;RPWPCCDCLCRCWOWDSDSW;;;SY)(A;;RPLC;;;BA)"


def samba_tool(*arguments):
    sys.argv = ["samba-tool", *arguments]
    try:
        runpy.run_path("/usr/bin/samba-tool", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise


def database(folder):
    parameters = samba.param.LoadParm()
    parameters.load(f"{folder}/dc/etc/smb.conf")
    url = f"{folder}/dc/private/sam.ldb"
    return SamDB(url=url, session_info=system_session(), lp=parameters)


def deleted_objects(db):
    return ldb.Dn(db, f"CN=Deleted Objects,{db.domain_dn()}")


def set_descriptor(db, descriptor):
    message = ldb.Message()
    message.dn = deleted_objects(db)
    message["descriptor"] = ldb.MessageElement(
        ndr_pack(descriptor), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor"
    )
    db.modify(message, controls=["show_deleted:1", "sd_flags:1:15"])


def provision(folder, address):
    samba_tool(
        "domain",
        "provision",
        "--realm=EXAMPLE.TEST",
        "--domain=EXAMPLE",
        "--server-role=dc",
        "--dns-backend=NONE",
        "--adminpass=Passw0rd.1",
        "--use-rfc2307",
        f"--targetdir={folder}/dc",
        "--host-name=dc1",
        f"--host-ip={address}",
        "--option=vfs objects = dfs_samba4 acl_xattr xattr_tdb",
    )
    revoke(folder)


def revoke(folder):
    db = database(folder)
    domain = security.dom_sid(db.get_domain_sid())
    set_descriptor(db, security.descriptor.from_sddl(ADMINISTRATORS_ONLY, domain))


def account(folder, name, password):
    db = database(folder)
    db.newuser(name, password)
    db.setexpiry(f"(sAMAccountName={name})", 0, no_expiry_req=True)


def grant(folder, name):
    db = database(folder)
    domain = security.dom_sid(db.get_domain_sid())
    [found] = db.search(
        db.domain_dn(), expression=f"(sAMAccountName={name})", attrs=["objectSid"]
    )
    sid = ndr_unpack(security.dom_sid, found["objectSid"][0])
    [container] = db.search(
        deleted_objects(db),
        scope=ldb.SCOPE_BASE,
        attrs=["nTSecurityDescriptor"],
        controls=["show_deleted:1", "sd_flags:1:15"],
    )
    descriptor = ndr_unpack(security.descriptor, container["nTSecurityDescriptor"][0])
    added = security.descriptor.from_sddl(f"D:(A;CI;RPLC;;;{sid})", domain)
    for entry in added.dacl.aces:
        descriptor.dacl_add(entry)
    set_descriptor(db, descriptor)


def name(folder, principal):
    samba_tool(
        *("spn", "add", principal, "DC1$"),
        *("-H", f"{folder}/dc/private/sam.ldb", "-s", f"{folder}/dc/etc/smb.conf"),
    )


def keytab(folder, name, file):
    samba_tool(
        *("domain", "exportkeytab", file, f"--principal={name}"),
        *("-s", f"{folder}/dc/etc/smb.conf"),
    )


def renew(folder):
    db = database(folder)
    message = ldb.Message()
    message.dn = ldb.Dn(db, db.get_dsServiceName())
    message["invocationId"] = ldb.MessageElement(
        uuid.uuid4().bytes, ldb.FLAG_MOD_REPLACE, "invocationId"
    )
    db.modify(message, controls=["relax:0", "provision:0"])


commands = [provision, account, grant, name, keytab, revoke, renew]
command, *rest = sys.argv[1:]
{each.__name__: each for each in commands}[command](*rest)
