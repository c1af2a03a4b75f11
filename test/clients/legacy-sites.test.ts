import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { startMailServer } from '@posthorn/server'
import { ImapTalk, SmtpTalk } from './dialogue.ts'
import { alice, bob } from './mail-server.ts'
import { inFolder } from './run-client.ts'
import { Wire } from './wire.ts'

const site = {
  myhostname: 'mail.example.org',
  mydestination: 'example.org, localhost',
  myorigin: 'example.org',
  mynetworks: '192.0.2.0/24',
  alias_maps: '',
  disable_plaintext_auth: 'no',
  smtpd_tls_auth_only: 'no',
  auth_failure_delay: '0',
}

const relays = async (port: number): Promise<string> => {
  const talk = await SmtpTalk.open(port)
  await talk.say('MAIL FROM:<alice@example.org>')
  const answer = await talk.say('RCPT TO:<carol@far.example>')
  talk.wire.close()
  return answer.slice(0, 9)
}

describe('S10: SMTP after POP', () => {
  const reads = {
    pop3: async (port: number, password: string) => {
      const wire = await Wire.open(port)
      wire.send(`USER alice\r\nPASS ${password}\r\nQUIT\r\n`)
      await wire.untilClosed()
    },
    imap: async (port: number, password: string) => {
      const talk = await ImapTalk.open(port)
      await talk.say(`LOGIN alice "${password}"`)
      talk.wire.close()
    },
  }
  for (const kind of ['pop3', 'imap'] as const)
    test(`${kind}: who has just read mail may relay, for the time that is set`, async () => {
      let nowMs = Date.now()
      const server = await startMailServer({
        parameters: { ...site, pop_before_smtp_ttl: '20' },
        accounts: [alice],
        now: () => nowMs,
      })
      try {
        const { ports } = server
        assert.equal(await relays(ports.smtp), '554 5.7.1')
        await reads[kind](ports[kind], 'wrong')
        assert.equal(await relays(ports.smtp), '554 5.7.1', 'a wrong password is no login')
        await reads[kind](ports[kind], alice.password)
        assert.equal(await relays(ports.smtp), '250 2.1.5')
        nowMs += 15 * 60_000
        assert.equal(await relays(ports.smtp), '250 2.1.5')
        await reads[kind](ports[kind], alice.password)
        nowMs += 15 * 60_000
        assert.equal(await relays(ports.smtp), '250 2.1.5', 'the time begins anew')
        nowMs += 6 * 60_000
        assert.equal(await relays(ports.smtp), '554 5.7.1')
        await reads[kind](ports[kind], alice.password)
        await server.reload({ pop_before_smtp_ttl: '0' })
        assert.equal(await relays(ports.smtp), '554 5.7.1', 'off')
      } finally {
        await server.stop()
      }
    })

  test('off unless it is set; submission asks for a login all the same', async () => {
    const server = await startMailServer({ parameters: site, accounts: [alice] })
    try {
      await reads.imap(server.ports.imap, alice.password)
      assert.equal(await relays(server.ports.smtp), '554 5.7.1')
      await server.reload({ pop_before_smtp_ttl: '10m' })
      await reads.imap(server.ports.imap, alice.password)
      assert.equal(await relays(server.ports.smtp), '250 2.1.5')
      assert.match(await relays(server.ports.submission), /^(503|530|554) /)
    } finally {
      await server.stop()
    }
  })
})

test('S5: EXPN tells members to those whom expn_access names, and to nobody else', async () => {
  await inFolder(async (folder) => {
    const aliases = join(folder, 'aliases')
    writeFileSync(join(folder, 'members'), 'carol@far.example\n', { mode: 0o644 })
    writeFileSync(
      aliases,
      `staff: alice, bob, chiefs, :include:${folder}/members, |/bin/false\nchiefs: bob\n`,
      { mode: 0o644 },
    )
    const server = await startMailServer({
      parameters: { ...site, alias_maps: `hash:${aliases}`, expn_access: 'authenticated' },
      accounts: [alice, bob],
    })
    try {
      const stranger = await SmtpTalk.open(server.ports.smtp)
      assert.match(await stranger.say('EXPN staff'), /^500 5\.5\.2 /)
      const user = await SmtpTalk.login(server.ports.submission, alice)
      const list =
        '250-2.1.5 <alice@example.org>\r\n250-2.1.5 <bob@example.org>\r\n250-2.1.5 <chiefs@example.org>\r\n' +
        '250 2.1.5 <carol@far.example>\r\n'
      assert.equal(await user.say('expn staff'), list)
      assert.equal(await user.say('EXPN <staff@example.org>'), list)
      assert.equal(await user.say('EXPN alice'), '550 5.1.1 <alice>: not a list\r\n')
      assert.equal(await user.say('EXPN'), '501 5.5.4 Syntax: EXPN list\r\n')
      await server.reload({ expn_access: 'mynetworks', mynetworks: '127.0.0.0/8' })
      const neighbour = await SmtpTalk.open(server.ports.smtp)
      assert.match(await neighbour.say('EXPN chiefs'), /^250 2\.1\.5 <bob@example\.org>/)
      await server.reload({ expn_access: 'none' })
      assert.match(await neighbour.say('EXPN chiefs'), /^500 5\.5\.2 /)
    } finally {
      await server.stop()
    }
  })
})

test('M3: sendmail’s access file decides, as it is', async () => {
  await inFolder(async (folder) => {
    const access = join(folder, 'access')
    const write = (text: string): void => writeFileSync(access, text, { mode: 0o644 })
    write(
      'Connect:192.0.2\tRELAY\nFrom:spam.example\tREJECT\nFrom:cyber@far.example\tERROR:5.7.1:"550 No mail from you"\n' +
        'To:bob@example.org\tERROR:"550 Bob has left"\nTo:friend.example\tRELAY\n',
    )
    const server = await startMailServer({
      parameters: {
        ...site,
        mynetworks: '127.0.0.1/32',
        smtpd_relay_restrictions: `check_client_access sendmail:relay:${access}, check_recipient_access sendmail:relay-to:${access}, reject_unauth_destination`,
        smtpd_client_restrictions: `check_client_access sendmail:connect:${access}`,
        smtpd_sender_restrictions: `check_sender_access sendmail:from:${access}`,
        smtpd_recipient_restrictions: `check_recipient_access sendmail:to:${access}`,
      },
      accounts: [alice, bob],
    })
    try {
      const answer = async (from: string, to: string): Promise<string> => {
        const talk = await SmtpTalk.open(server.ports.smtp)
        await talk.say(`MAIL FROM:<${from}>`)
        const said = await talk.say(`RCPT TO:<${to}>`)
        talk.wire.close()
        return said.trim()
      }
      assert.match(await answer('x@good.example', 'alice@example.org'), /^250 /)
      assert.match(await answer('x@spam.example', 'alice@example.org'), /^554 5\.7\.1 .*Access denied/)
      assert.match(await answer('x@sub.spam.example', 'alice@example.org'), /^554 5\.7\.1 /)
      assert.match(await answer('cyber@far.example', 'alice@example.org'), /^550 5\.7\.1 .*No mail from you/)
      assert.match(await answer('x@good.example', 'bob@example.org'), /^550 5\.7\.1 .*Bob has left/)
      assert.match(await answer('x@good.example', 'y@friend.example'), /^250 /)
      assert.match(await answer('x@good.example', 'y@far.example'), /^554 5\.7\.1 .*Relay access denied/)
      write('Connect:127.0.0\tRELAY\nFrom:spam.example\tREJECT\nConect:192.0.2\tREJECT\nSpam:bob@\tFRIEND\n')
      await server.reload({})
      const endMs = performance.now() + 15_000
      while (!(await answer('x@good.example', 'y@far.example')).startsWith('250')) {
        assert.ok(performance.now() < endMs, 'the edited file is read')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      // cf/README: OK and RELAY hold in the ruleset that finds them: one client is let in, not each sender.
      assert.match(await answer('x@spam.example', 'alice@example.org'), /^554 5\.7\.1 .*Access denied/)
    } finally {
      await server.stop()
    }
  })
})
