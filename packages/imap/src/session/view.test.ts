import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'
import { randomFrom } from '../testkit/random.ts'

interface Known {
  uid: number | undefined
  /** Sorted, without \Recent. */
  flags: string[] | undefined
}

/** A client that believes what it is told, as RFC 9051 §7 says it may, and complains when that cannot be. */
class Believer {
  readonly raw: RawClient
  readonly name: string
  messages: Known[] = []

  constructor(name: string, raw: RawClient) {
    this.name = name
    this.raw = raw
  }

  hear(line: string): void {
    let match: RegExpExecArray | null
    if ((match = /^\* (\d+) EXISTS$/.exec(line)) !== null) {
      const count = Number(match[1])
      assert.ok(count >= this.messages.length, `${this.name}: ${line} with ${this.messages.length} known`)
      while (this.messages.length < count) this.messages.push({ uid: undefined, flags: undefined })
    } else if ((match = /^\* (\d+) EXPUNGE$/.exec(line)) !== null) {
      const number = Number(match[1])
      assert.ok(number >= 1 && number <= this.messages.length, `${this.name}: ${line}`)
      this.messages.splice(number - 1, 1)
    } else if ((match = /^\* VANISHED ([\d:,]+)$/.exec(line)) !== null) {
      for (const uid of numbersOf(match[1]!)) this.#vanished(line, uid)
    } else if ((match = /^\* (\d+) FETCH \((.*)\)$/.exec(line)) !== null)
      this.#fetched(line, Number(match[1]), match[2]!)
  }

  /** One whose UID was never heard is among those that follow the last smaller UID. */
  #vanished(line: string, gone: number): void {
    let at = this.messages.findIndex(({ uid }) => uid === gone)
    if (at < 0) {
      const before = this.messages.findLastIndex(({ uid }) => uid !== undefined && uid < gone)
      at = before + 1
      assert.ok(
        this.messages[at] !== undefined && this.messages[at]!.uid === undefined,
        `${this.name}: ${line}`,
      )
    }
    this.messages.splice(at, 1)
  }

  #fetched(line: string, number: number, items: string): void {
    const known = this.messages[number - 1]
    assert.ok(known !== undefined, `${this.name}: ${line} with ${this.messages.length} known`)
    const uid = /UID (\d+)/.exec(items)?.[1]
    if (uid !== undefined) {
      if (known.uid !== undefined) assert.equal(Number(uid), known.uid, `${this.name}: ${line}`)
      known.uid = Number(uid)
    }
    const flags = /FLAGS \(([^)]*)\)/.exec(items)?.[1]
    if (flags !== undefined) known.flags = sortedFlags(flags)
  }

  async say(command: string, allowed = /^OK/): Promise<void> {
    const lines = await this.raw.command(command)
    const tagged = lines.pop()!
    assert.match(tagged, allowed, `${this.name}: ${command}`)
    const held = /^(FETCH|STORE|SEARCH)/.test(command)
    for (const line of lines) {
      assert.ok(!(held && / EXPUNGE$/.test(line)), `${this.name}: ${command}: ${line} (RFC 9051 §7.5.1)`)
      this.hear(line)
    }
  }
}

function numbersOf(set: string): number[] {
  return set.split(',').flatMap((range) => {
    const [from, to = from] = range.split(':').map(Number)
    return Array.from({ length: to! - from! + 1 }, (_, at) => from! + at)
  })
}

function sortedFlags(text: string): string[] {
  return text
    .split(' ')
    .filter((flag) => flag !== '' && flag !== '\\Recent')
    .sort()
}

const flagNames = ['\\Seen', '\\Flagged', '\\Deleted', '\\Answered', '$a', '$b', '$c']
const orGone = /^(OK|NO \[EXPUNGEISSUED\])/
const message = 'Subject: x\r\n\r\nbody\r\n'

/** One random deed; what a silent STORE does the client works out by itself. */
async function act(client: Believer, random: (below: number) => number): Promise<void> {
  const { messages } = client
  const number = messages.length === 0 ? 0 : 1 + random(messages.length)
  const flag = flagNames[random(flagNames.length)]!
  const sign = ['+', '-', ''][random(3)]!
  switch (random(number === 0 ? 2 : 12)) {
    case 0:
      return client.say(`APPEND INBOX (${flag}) {${message.length}+}\r\n${message}`)
    case 1:
      return client.say(['NOOP', 'CHECK', 'UID SEARCH ALL'][random(3)]!)
    case 2:
      return client.say('EXPUNGE')
    case 3:
      return client.say(`FETCH ${number} (UID FLAGS)`, orGone)
    case 4:
      return client.say(`UID FETCH ${number}:* (FLAGS)`)
    case 5:
    case 6:
      return client.say(`STORE ${number} ${sign}FLAGS (${flag})`, orGone)
    case 7:
      return client.say(`COPY ${number} INBOX`, /^(OK|NO)/)
    case 8:
      return random(3) === 0 ? client.say(`MOVE ${number} Trash`) : undefined
    case 9:
      return client.say(`SEARCH ${flag === '\\Seen' ? 'SEEN' : 'ALL'}`)
    default: {
      const known = messages[number - 1]!
      const before = known.flags
      await client.say(`STORE ${number} ${sign}FLAGS.SILENT (${flag})`, orGone)
      // A FETCH with the answer comes from others' changes, before ours or after it: it has the whole truth.
      if (before === undefined || known.flags !== before) return undefined
      const without = before.filter((name) => name !== flag)
      known.flags = sign === '-' ? without : sign === '+' ? [...without, flag].sort() : [flag]
      return undefined
    }
  }
}

/** Hears what is pushed, nothing else. */
async function idleUntilDone(client: Believer): Promise<void> {
  client.raw.send('i IDLE\r\n')
  assert.equal(await client.raw.line(), '+ idling')
  for (;;) {
    const line = await client.raw.line()
    if (line === 'i OK Idle completed') return
    client.hear(line ?? assert.fail('connection ended'))
  }
}

for (const seed of [1, 2, 3]) {
  test(`RFC 9051 §7: five clients at one mailbox, each believing what it is told (seed ${seed})`, async (t) => {
    const imap = await startImapFixture(t)
    const clients: Believer[] = []
    for (const name of ['plain', 'other', 'condstore', 'qresync']) {
      const client = new Believer(name, await imap.login())
      if (name === 'condstore') await client.say('ENABLE CONDSTORE')
      if (name === 'qresync') await client.say('ENABLE QRESYNC')
      await client.say('SELECT INBOX')
      clients.push(client)
    }
    const idler = new Believer('idler', await imap.login())
    await idler.say('SELECT INBOX')
    const idled = idleUntilDone(idler)
    const random = randomFrom(seed)
    // All at once: their units of work mix in the store as they will.
    await Promise.all(
      clients.map(async (client) => {
        for (let times = 0; times < 120; times++) {
          // VANISHED is of use only to a client that knows the UIDs.
          if (client.name === 'qresync')
            await client.say('FETCH 1:* (UID FLAGS)', /^(OK|BAD|NO \[EXPUNGEISSUED\])/)
          await act(client, random)
        }
      }),
    )
    idler.raw.send('DONE\r\n')
    await idled
    clients.push(idler)
    for (const client of clients) {
      await client.say('NOOP')
      const believed = client.messages.map(({ uid, flags }) => ({ uid, flags }))
      if (believed.length > 0) await client.say('FETCH 1:* (UID FLAGS)')
      client.messages.forEach(({ uid, flags }, at) => {
        const before = believed[at]!
        if (before.uid !== undefined) assert.equal(uid, before.uid, client.name)
        if (before.flags !== undefined)
          assert.deepEqual(before.flags, flags, `${client.name}: message ${at + 1}`)
      })
    }
    const [first, ...others] = clients.map(({ messages }) => messages)
    for (const other of others) assert.deepEqual(other, first)
  })
}
