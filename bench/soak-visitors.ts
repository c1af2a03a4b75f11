/** Who else comes to a mail server: readers over TLS that idle, submitters whose mail comes back, strangers. */
import { createConnection } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { Wire } from '../test/clients/wire.ts'

const waitMs = 120_000
const idleMs = 8_000
const tlsOptions = { host: '127.0.0.1', rejectUnauthorized: false }

export interface SoakPorts {
  readonly smtpPort: number
  readonly submissionPort: number
  readonly imapsPort: number
  readonly pop3sPort: number
}

export interface Visitor {
  readonly name: string
  operations: number
  /** One visit, from connecting to the end of the connection. */
  visit(ports: SoakPorts): Promise<void>
}

const ask = async (wire: Wire, text: string, wanted: RegExp): Promise<string> => {
  wire.heard = ''
  if (text !== '') wire.send(text)
  return await wire.hears(wanted, waitMs)
}

const openTls = async (port: number): Promise<Wire> => {
  const socket = connectTls({ ...tlsOptions, port })
  const wire = new Wire(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  return wire
}

/** STARTTLS on a connection in clear. */
const upgrade = async (wire: Wire): Promise<Wire> => {
  const { socket } = wire
  socket.removeAllListeners('data')
  const upgraded = connectTls({ ...tlsOptions, socket })
  await new Promise<void>((resolve, reject) => {
    upgraded.once('secureConnect', resolve)
    upgraded.once('error', reject)
  })
  return new Wire(upgraded)
}

/** Half of them leave without a word. */
const leave = async (wire: Wire, word: string): Promise<void> => {
  if (Math.random() < 0.5) {
    wire.send(word)
    await wire.untilClosed(waitMs)
  }
  wire.close()
}

/** Reads what came, empties the mailbox when it is full, idles. */
export const idler = (user: string, password: string): Visitor => ({
  name: `idler ${user}`,
  operations: 0,
  async visit({ imapsPort }) {
    const wire = await openTls(imapsPort)
    await wire.hears(/^\* OK.*\r\n/, waitMs)
    const command = (text: string): Promise<string> => ask(wire, `x ${text}\r\n`, /(^|\n)x (OK|NO|BAD).*\r\n/)
    await command(`LOGIN ${user} ${password}`)
    await command('ENABLE QRESYNC')
    const opened = await command('SELECT INBOX')
    const exists = Number(/\* (\d+) EXISTS/.exec(opened)?.[1] ?? 0)
    await command('LIST "" * RETURN (STATUS (MESSAGES UNSEEN))')
    for (let round = 0; round < 4; round++) {
      await ask(wire, 'i IDLE\r\n', /\+ .*\r\n/)
      await delay(idleMs * Math.random())
      await ask(wire, 'DONE\r\n', /(^|\n)i OK.*\r\n/)
      this.operations++
    }
    if (exists > 0) {
      await command('FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)')
      await command(`FETCH ${1 + Math.floor(Math.random() * exists)} BODY[]`)
      await command('SEARCH TEXT ledger')
      await command('SORT (REVERSE DATE) UTF-8 ALL')
    }
    if (exists > 60) {
      await command('STORE 1:50 +FLAGS.SILENT (\\Deleted)')
      await command('EXPUNGE')
    }
    this.operations += 4
    await leave(wire, 'x LOGOUT\r\n')
  },
})

/** Takes half of the maildrop away. */
export const collector = (user: string, password: string): Visitor => ({
  name: `collector ${user}`,
  operations: 0,
  async visit({ pop3sPort }) {
    const wire = await openTls(pop3sPort)
    await wire.hears(/^\+OK.*\r\n/, waitMs)
    const command = (text: string): Promise<string> => ask(wire, `${text}\r\n`, /^(\+OK|-ERR).*\r\n/)
    await command(`USER ${user}`)
    if (!(await command(`PASS ${password}`)).startsWith('+OK')) return wire.close()
    const count = Number(/^\+OK (\d+)/.exec(await command('STAT'))?.[1] ?? 0)
    if (count > 0) await ask(wire, 'UIDL\r\n', /\r\n\.\r\n$/)
    for (let at = 1; at <= Math.min(count, 20); at++) {
      // What was expunged over IMAP meanwhile is gone.
      await ask(wire, `TOP ${at} 3\r\n`, /\r\n\.\r\n$|^-ERR .*\r\n/)
      if (at % 2 === 0) await command(`DELE ${at}`)
    }
    this.operations += count
    await leave(wire, 'QUIT\r\n')
  },
})

/** Sends by submission to his own, to `friend`, and where nobody takes it: that comes back as a bounce. */
export const submitter = (user: string, password: string, friend: string): Visitor => ({
  name: `submitter ${user}`,
  operations: 0,
  async visit({ submissionPort }) {
    const plain = await Wire.open(submissionPort)
    const reply = /(^|\n)\d{3} .*\r\n/
    await plain.hears(reply, waitMs)
    await ask(plain, 'EHLO soak\r\n', reply)
    await ask(plain, 'STARTTLS\r\n', reply)
    const wire = await upgrade(plain)
    await ask(wire, 'EHLO soak\r\n', reply)
    const initial = Buffer.from(`\0${user}\0${password}`).toString('base64')
    await ask(wire, `AUTH PLAIN ${initial}\r\n`, reply)
    for (const to of [user, friend, `nobody${Math.floor(Math.random() * 1e6)}@remote.test`]) {
      await ask(wire, `MAIL FROM:<${user}>\r\n`, reply)
      await ask(wire, `RCPT TO:<${to}>\r\n`, reply)
      await ask(wire, 'DATA\r\n', reply)
      const body = `text of a ledger ${Math.random()}\r\n`.repeat(1 + Math.floor(Math.random() * 400))
      await ask(wire, `From: <${user}>\r\nTo: <${to}>\r\nSubject: soak\r\n\r\n${body}.\r\n`, reply)
      this.operations++
    }
    await leave(wire, 'QUIT\r\n')
  },
})

const greylistPauseMs = 15_000

/** From an address that nobody trusts: greylisted, comes again, is accepted; then does what strangers do. */
export const stranger = (friend: string): Visitor => ({
  name: `stranger to ${friend}`,
  operations: 0,
  async visit({ smtpPort }) {
    const octet = (): number => 1 + Math.floor(Math.random() * 250)
    const from = `127.${octet()}.${octet()}.${octet()}`
    const sender = `s${octet()}@stranger${octet()}.test`
    const reply = /(^|\n)\d{3} .*\r\n/
    const attempt = async (): Promise<void> => {
      const wire = new Wire(createConnection({ port: smtpPort, host: '127.0.0.1', localAddress: from }))
      await wire.hears(reply, waitMs)
      await ask(wire, 'EHLO stranger.test\r\n', reply)
      await ask(wire, `MAIL FROM:<${sender}>\r\n`, reply)
      await ask(wire, 'RCPT TO:<elsewhere@relay.test>\r\n', reply)
      await ask(wire, 'RCPT TO:<unknown@example.org>\r\n', reply)
      const said = await ask(wire, `RCPT TO:<${friend}>\r\n`, reply)
      if (said.startsWith('250')) {
        await ask(wire, 'DATA\r\n', reply)
        const text = `Subject: stranger\r\n\r\n${'words '.repeat(200)}\r\n`
        // Some break off in the middle.
        if (Math.random() < 0.3) {
          wire.send(text)
          return wire.close()
        }
        await ask(wire, `${text}.\r\n`, reply)
      }
      this.operations++
      await leave(wire, 'QUIT\r\n')
    }
    await attempt()
    await delay(greylistPauseMs)
    await attempt()
  },
})
