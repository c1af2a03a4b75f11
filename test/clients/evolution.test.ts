/** Evolution's library (libcamel), driven through its introspection: what Evolution does on the wire, without its windows. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, bob, startForClients } from './mail-server.ts'
import { readMailbox, withImap } from './mailbox-reader.ts'
import { mustRun } from './run-client.ts'

let server: MailServer
const folder = mkdtempSync(join(tmpdir(), 'evolution-'))

before(async () => {
  server = await startForClients()
})
after(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const opening = `
import gi, sys, warnings
warnings.simplefilter('ignore')
gi.require_version('Camel', '1.2')
from gi.repository import Camel
folder, protocol, port, user, password, security = sys.argv[1:7]
Camel.init(folder, False)
Camel.provider_init()
class Session(Camel.Session):
    def do_authenticate_sync(self, service, mechanism, cancellable):
        service.set_password(password)
        return service.authenticate_sync(mechanism, cancellable) == Camel.AuthenticationResult.ACCEPTED
    def do_trust_prompt(self, *about):
        return Camel.CertTrust.TEMPORARY
session = Session(user_data_dir=folder + '/data', user_cache_dir=folder + '/cache')
session.set_online(True)
store = session.add_service('account', protocol, Camel.ProviderType.STORE)
settings = store.ref_settings()
settings.props.host, settings.props.port, settings.props.user = '127.0.0.1', int(port), user
settings.props.security_method = getattr(Camel.NetworkSecurityMethod, security)
if protocol == 'imapx':
    store.set_online_sync(True, None)
assert store.connect_sync(None)
flags = Camel.MessageFlags
`

async function play(
  protocol: 'imapx' | 'pop',
  port: number,
  who: typeof alice,
  script: string,
  security: 'NONE' | 'STARTTLS_ON_STANDARD_PORT' | 'SSL_ON_ALTERNATE_PORT',
): Promise<string> {
  const file = join(folder, 'play.py')
  writeFileSync(file, opening + script)
  const home = mkdtempSync(join(folder, 'home-'))
  const args = [file, home, protocol, String(port), who.address, who.password, security]
  // Else a machine without a default route is taken for one without a network.
  const env = { GIO_USE_NETWORK_MONITOR: 'base' }
  return (await mustRun('/usr/bin/python3', args, { cwd: home, env })).stdout
}

const fill = (who: typeof alice, count: number) =>
  withImap(server.ports.imap, who, async (client) => {
    for (let n = 1; n <= count; n++)
      await client.append('INBOX', `From: a@b.example\r\nSubject: grüße ${n}\r\n\r\nbody ${n}\r\n`)
  })

test('Evolution: IMAP: refreshes, reads, flags, copies, moves, appends, expunges; mailboxes come and go', async () => {
  await fill(alice, 5)
  const script = `
inbox = store.get_folder_sync('INBOX', Camel.StoreGetFolderFlags(0), None)
inbox.refresh_info_sync(None)
uids = sorted(inbox.get_uids(), key=int)
assert uids == ['1', '2', '3', '4', '5'], uids
assert inbox.get_message_info('2').get_subject() == 'grüße 2'
assert inbox.get_message_sync('3', None).get_subject() == 'grüße 3'
for parent, name in [(None, 'Evo'), ('Evo', 'Ünter 日本')]:
    store.create_folder_sync(parent, name, None)
evo = store.get_folder_sync('Evo/Ünter 日本', Camel.StoreGetFolderFlags(0), None)
message = Camel.MimeMessage()
message.set_subject('made here')
info = Camel.MessageInfo.new(None)
info.set_flags(flags.SEEN, flags.SEEN)
assert evo.append_message_sync(message, info, None).appended_uid == '1'
inbox.set_message_flags('1', flags.FLAGGED | flags.SEEN, flags.FLAGGED | flags.SEEN)
inbox.set_message_user_flag('2', '$Labelwork', True)
assert inbox.synchronize_sync(False, None)
assert inbox.transfer_messages_to_sync(['1', '2'], evo, False, None)[0]
assert inbox.transfer_messages_to_sync(['3'], evo, True, None)[0]
evo.refresh_info_sync(None)
assert len(evo.get_uids()) == 4, evo.get_uids()
assert inbox.search_by_expression('(match-all (body-contains "body 4"))', None) == ['4']
inbox.set_message_flags('5', flags.DELETED, flags.DELETED)
assert inbox.synchronize_sync(True, None)
store.subscribe_folder_sync('Evo', None)
store.rename_folder_sync('Evo', 'Evo two', None)
assert store.disconnect_sync(True, None)
print('done')
`
  const { imap, imaps } = server.ports
  assert.match(await play('imapx', imap, alice, script, 'STARTTLS_ON_STANDARD_PORT'), /done/)
  await withImap(imap, alice, async (client) => {
    const names = (await client.list()).map(({ path }) => path)
    assert.ok(names.includes('Evo two/Ünter 日本'), names.join())
    await client.mailboxOpen('INBOX')
    const left = await client.fetchAll('1:*', { uid: true, flags: true })
    assert.deepEqual(
      left.map(
        ({ uid, flags }) => `${uid} ${[...(flags ?? [])].filter((flag) => flag !== '\\Recent').sort()}`,
      ),
      ['1 \\Flagged,\\Seen', '2 $Labelwork', '4 '],
    )
  })
  const again =
    "inbox = store.get_folder_sync('INBOX', Camel.StoreGetFolderFlags(0), None)\ninbox.refresh_info_sync(None)\nprint(len(inbox.get_uids()))\n"
  assert.match(await play('imapx', imaps, alice, again, 'SSL_ON_ALTERNATE_PORT'), /^3\n/)
})

test('Evolution: POP3: reads and deletes, though its UTF8 has no line end', async () => {
  await fill(bob, 3)
  const script = `
inbox = store.get_inbox_folder_sync(None)
inbox.refresh_info_sync(None)
uids = inbox.get_uids()
print(sorted(inbox.get_message_sync(uid, None).get_subject() for uid in uids))
inbox.set_message_flags(uids[0], flags.DELETED, flags.DELETED)
assert inbox.synchronize_sync(True, None)
assert store.disconnect_sync(True, None)
`
  const { pop3, pop3s, imap } = server.ports
  const all = "['grüße 1', 'grüße 2', 'grüße 3']\n"
  assert.equal(await play('pop', pop3, bob, script, 'STARTTLS_ON_STANDARD_PORT'), all)
  assert.equal((await readMailbox(imap, bob)).length, 2)
  await play('pop', pop3s, bob, script, 'SSL_ON_ALTERNATE_PORT')
  assert.equal((await readMailbox(imap, bob)).length, 1)
})
