"""Reads a directory with python-ldap's SyncreplConsumer, once: syncrepl-consumer.py URL BASE BIND-DN PASSWORD."""

import sys

import ldap
from ldap.ldapobject import ReconnectLDAPObject
from ldap.syncrepl import SyncreplConsumer


class Consumer(ReconnectLDAPObject, SyncreplConsumer):
    entries = 0

    def syncrepl_entry(self, dn, attributes, uuid):
        self.entries += 1

    def syncrepl_get_cookie(self):
        return None

    def syncrepl_set_cookie(self, cookie):
        pass

    def syncrepl_present(self, uuids, refreshDeletes=False):
        pass

    def syncrepl_delete(self, uuids):
        pass


url, base, bind_dn, password = sys.argv[1:]
consumer = Consumer(url)
consumer.simple_bind_s(bind_dn, password)
search = consumer.syncrepl_search(base, ldap.SCOPE_SUBTREE, mode="refreshOnly", attrlist=["*", "+"])
while consumer.syncrepl_poll(msgid=search, all=1):
    pass
print(consumer.entries)
