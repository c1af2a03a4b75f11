/** Results that are kept up to date (RFC 5267), followed by a client through whatever happens, beside a new search. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numbersOf } from '../testkit/believer.ts'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'
import { oneOf, type Random, randomFrom } from '../testkit/random.ts'

/** What a client makes of ADDTO and REMOVEFROM, by RFC 5267 §4.3. */
class Followed {
  readonly command: string
  readonly isSorted: boolean
  readonly byUid: boolean
  tag = ''
  members: number[] = []

  constructor(command: string) {
    this.command = command
    this.isSorted = command.includes('SORT')
    this.byUid = command.startsWith('UID ')
  }

  /** `ADDTO (1 5:6 4 9)`: pairs in their order, each position as the pairs before it left it (§4.3.2). */
  change(item: string, list: string): void {
    const words = list.split(' ')
    for (let at = 0; at < words.length; at += 2) {
      const position = Number(words[at])
      const numbers = numbersOf(words[at + 1]!)
      assert.equal(position === 0, !this.isSorted, `${this.command}: ${item} (${list})`)
      if (item === 'REMOVEFROM') this.#remove(position, numbers)
      else this.#add(position, numbers)
    }
  }

  #add(position: number, numbers: readonly number[]): void {
    for (const number of numbers)
      assert.ok(!this.members.includes(number), `${this.command}: ${number} is added twice`)
    if (position > 0) this.members.splice(position - 1, 0, ...numbers)
    else this.members = [...this.members, ...numbers].sort((a, b) => a - b)
  }

  #remove(position: number, numbers: readonly number[]): void {
    if (position > 0) {
      const removed = this.members.splice(position - 1, numbers.length)
      assert.deepEqual(removed.toSorted(), numbers.toSorted(), `${this.command}: REMOVEFROM ${position}`)
      return
    }
    for (const number of numbers) {
      const at = this.members.indexOf(number)
      assert.ok(at >= 0, `${this.command}: ${number} is removed and was not there`)
      this.members.splice(at, 1)
    }
  }

  expunge(number: number): void {
    if (this.byUid) return
    // §4.3.4: it was taken out before.
    assert.ok(
      !this.members.includes(number),
      `${this.command}: ${number} EXPUNGE comes before its REMOVEFROM`,
    )
    this.members = this.members.map((each) => (each > number ? each - 1 : each))
  }
}

function hear(contexts: readonly Followed[], line: string): void {
  const [, tag, items] = /^\* ESEARCH \(TAG "([^"]+)"\)(?: UID)? (.*)$/.exec(line) ?? []
  const [, gone] = /^\* (\d+) EXPUNGE$/.exec(line) ?? []
  if (gone !== undefined) for (const context of contexts) context.expunge(Number(gone))
  if (items === undefined) return
  const context = contexts.find((each) => each.tag === tag)
  for (const [, item, list] of items.matchAll(/(ADDTO|REMOVEFROM) \(([^)]+)\)/g)) {
    assert.ok(context !== undefined, `${line} for nobody`)
    context.change(item!, list!)
  }
}

const searches = [
  'SEARCH RETURN (ALL UPDATE) FLAGGED',
  'UID SEARCH RETURN (ALL UPDATE) UNSEEN SUBJECT s1',
  'UID SEARCH RETURN (ALL UPDATE CONTEXT) OR KEYWORD $a (NOT SEEN LARGER 60)',
  'SEARCH RETURN (ALL UPDATE) NOT (DELETED)',
  'UID SORT RETURN (ALL UPDATE) (SUBJECT REVERSE SIZE) UTF-8 UNFLAGGED',
  'SORT RETURN (ALL UPDATE) (REVERSE ARRIVAL FROM) UTF-8 OR UNSEEN FLAGGED',
  'UID SORT RETURN (ALL UPDATE) (FROM SUBJECT) UTF-8 ALL',
]

function deed(random: Random): string {
  const number = oneOf(random, ['1', '2:3', '5', '1:*', '4,6', '*', '2:*'])
  const flag = oneOf(random, ['\\Flagged', '\\Seen', '\\Deleted', '$a', '$b'])
  const message = `From: p${random(3)}@x\r\nSubject: s${random(3)}\r\n\r\n${'x'.repeat(random(60))}\r\n`
  return oneOf(random, [
    `APPEND INBOX (${flag}) {${message.length}+}\r\n${message}`,
    `APPEND INBOX {${message.length}+}\r\n${message} (${flag}) {${message.length}+}\r\n${message}`,
    `UID STORE ${number} ${oneOf(random, ['+', '-', ''])}FLAGS.SILENT (${flag})`,
    `UID STORE ${number} ${oneOf(random, ['+', '-'])}FLAGS (${flag})`,
    `UID COPY ${number} INBOX`,
    `UID MOVE ${oneOf(random, ['2', '5', '*'])} Trash`,
    'EXPUNGE',
  ])
}

async function say(client: RawClient, contexts: readonly Followed[], command: string): Promise<void> {
  for (const line of await client.command(command)) hear(contexts, line)
}

/** What the same search answers now. */
async function asksAnew(client: RawClient, { command }: Followed): Promise<number[]> {
  const [line] = await client.ok(command.replace(/ UPDATE( CONTEXT)?/, ''))
  const [, set] = / ALL ([\d:,]+)$/.exec(line!) ?? []
  return set === undefined ? [] : numbersOf(set)
}

for (const seed of [1, 2, 3])
  test(`RFC 5267 §4.3: what a client is told of its results is what they are (seed ${seed})`, async (t) => {
    const imap = await startImapFixture(t)
    const random = randomFrom(seed)
    const other = await imap.login('INBOX')
    for (let times = 0; times < 12; times++) await other.command(deed(random))
    const client = await imap.login('INBOX')
    const contexts = searches.map((command) => new Followed(command))
    for (const context of contexts) {
      client.send(`c${contexts.indexOf(context)} ${context.command}\r\n`)
      context.tag = `c${contexts.indexOf(context)}`
      const lines = await client.until(new RegExp(`^${context.tag} `))
      const [, set] = / ALL ([\d:,]+)$/.exec(lines[0]!) ?? []
      context.members = set === undefined ? [] : numbersOf(set)
      assert.match(lines.at(-1)!, /^c\d OK/)
    }
    for (let round = 0; round < 30; round++) {
      for (let times = random(3); times >= 0; times--) await other.command(deed(random))
      if (random(2) === 0) await say(client, contexts, deed(random))
      // By numbers: what is gone elsewhere stays until NOOP.
      if (random(3) === 0) await say(client, contexts, `STORE 1:* ${oneOf(random, ['+', '-'])}FLAGS (\\Seen)`)
      await say(client, contexts, 'NOOP')
      for (const context of contexts)
        assert.deepEqual(context.members, await asksAnew(client, context), context.command)
    }
  })
