/** RFC 4314 §4: what each command needs of another's mailbox: refused without any of it, done with no more than that. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'

const everyRight = 'lrswipkxtea'
const message = '{13+}\r\nSubject: x\r\n\r'

interface Row {
  /** `@` is the mailbox. */
  readonly command: string
  readonly needs: string
  /** One of several that will do. */
  readonly and?: string
  /** Selected before, with `r` and what else is needed. */
  readonly selected?: 'it' | 'INBOX'
  /** The answer without what is needed, where it is not NOPERM. */
  readonly refusal?: string
  /** Answered OK all the same, but without this. */
  readonly told?: RegExp
}

const unseen = '[NONEXISTENT]'
const rows: readonly Row[] = [
  { command: 'SELECT @', needs: 'r' },
  { command: 'EXAMINE @', needs: 'r' },
  { command: 'STATUS @ (MESSAGES)', needs: 'r' },
  { command: 'LIST "" @', needs: 'l', told: /^\* LIST / },
  { command: 'LIST "" @ RETURN (MYRIGHTS)', needs: 'l', told: /^\* MYRIGHTS / },
  { command: 'LIST "" @ RETURN (STATUS (MESSAGES))', needs: 'lr', told: /^\* STATUS / },
  { command: 'XLIST "" @', needs: 'l', told: /^\* XLIST / },
  { command: 'SUBSCRIBE @', needs: 'l', refusal: unseen },
  { command: 'CREATE @/below', needs: 'k' },
  { command: 'DELETE @', needs: 'x' },
  { command: 'RENAME @ "Other Users/bob/Target/new"', needs: 'x' },
  { command: `APPEND @ ${message}`, needs: 'i' },
  { command: `APPEND @ (\\Seen \\Deleted \\Flagged) ${message}`, needs: 'i' },
  { command: 'SETACL @ alice@example.org +l', needs: 'a' },
  { command: 'DELETEACL @ anyone', needs: 'a' },
  { command: 'GETACL @', needs: 'a' },
  { command: 'LISTRIGHTS @ bob@example.org', needs: 'a' },
  { command: 'GETQUOTAROOT @', needs: 'r' },
  { command: 'GETMETADATA @ /shared/comment', needs: 'l', and: 'r', refusal: unseen },
  { command: 'SETMETADATA @ (/shared/comment "x")', needs: 'lw', refusal: unseen },
  { command: 'STORE 1 +FLAGS (\\Seen)', selected: 'it', needs: 's' },
  { command: 'STORE 1 +FLAGS (\\Deleted)', selected: 'it', needs: 't' },
  { command: 'STORE 1 +FLAGS (\\Flagged)', selected: 'it', needs: 'w' },
  { command: 'STORE 1 +FLAGS (keyword)', selected: 'it', needs: 'w' },
  { command: 'FETCH 1 BODY[]', selected: 'it', needs: '' },
  { command: 'FETCH 1 BODY[]', selected: 'it', needs: 's', told: /FLAGS \(.*\\Seen/ },
  { command: 'SEARCH ALL', selected: 'it', needs: '' },
  { command: 'EXPUNGE', selected: 'it', needs: 'e' },
  { command: 'UID EXPUNGE 1:*', selected: 'it', needs: 'e' },
  { command: 'COPY 1 INBOX', selected: 'it', needs: '' },
  { command: 'MOVE 1 INBOX', selected: 'it', needs: 'te' },
  { command: `REPLACE 1 INBOX ${message}`, selected: 'it', needs: 'te' },
  { command: 'COPY 1 @', selected: 'INBOX', needs: 'i' },
  { command: 'MOVE 1 @', selected: 'INBOX', needs: 'i' },
  { command: `REPLACE 1 @ ${message}`, selected: 'INBOX', needs: 'i' },
]
/** In which refusals of the same row differ: what may not be seen does not exist, what may be seen is refused. */
const seenFirst = new Set(['GETMETADATA', 'SETMETADATA'])

class Matrix {
  readonly #owner: RawClient
  readonly #user: RawClient
  #count = 0

  constructor(owner: RawClient, user: RawClient) {
    this.#owner = owner
    this.#user = user
  }

  /** The tagged answer, and all lines, of a command with these rights and no others. */
  async answer(row: Row, rights: string): Promise<string[]> {
    const name = `box${++this.#count}`
    await this.#owner.ok(`CREATE ${name}`)
    await this.#owner.append(name, 'Subject: x\r\n\r\nx')
    await this.#owner.ok(
      `SETACL ${name} alice@example.org ${row.selected === 'it' ? `r${rights}` : `"${rights}"`}`,
    )
    const box = `"Other Users/bob/${name}"`
    if (row.selected === 'it') await this.#user.ok(`SELECT ${box}`)
    if (row.selected === 'INBOX') {
      await this.#user.append('INBOX', 'Subject: x\r\n\r\nx')
      await this.#user.ok('SELECT INBOX')
    }
    const lines = await this.#user.command(
      row.command.replace(/@(?!example)(\/below)?/, `"Other Users/bob/${name}$1"`),
    )
    await this.#user.command('UNSELECT')
    await this.#user.ok('NOOP')
    await this.#owner.command(`DELETE ${name}`)
    await this.#owner.command('DELETE Target/new')
    return lines
  }
}

test('RFC 4314 §4: each command with and without each right', async (t) => {
  const imap = await startImapFixture(t)
  const user = await imap.login()
  const owner = await imap.connect()
  await owner.ok('LOGIN bob@example.org secret')
  await owner.ok('CREATE Target')
  await owner.ok('SETACL Target alice@example.org lk')
  const matrix = new Matrix(owner, user)
  for (const row of rows) {
    const { command, needs, told } = row
    const enough = await matrix.answer(row, needs + (row.and ?? ''))
    assert.match(enough.at(-1)!, /^OK/, `${command} with ${needs}`)
    if (told !== undefined)
      assert.ok(
        enough.some((line) => told.test(line)),
        `${command} with ${needs}`,
      )
    for (const right of needs) {
      const lines = await matrix.answer(row, everyRight.replace(right, ''))
      const what = `${command} without ${right}`
      if (told !== undefined) assert.ok(!lines.some((line) => told.test(line)), what)
      else {
        const hidden = row.refusal !== undefined && (right === 'l' || !seenFirst.has(command.split(' ')[0]!))
        assert.ok(
          lines.at(-1)!.startsWith(`NO ${hidden ? row.refusal : '[NOPERM]'}`),
          `${what}: ${lines.at(-1)}`,
        )
      }
    }
  }
})
