import { LineExchange } from '@posthorn/net'
import { sampleMessage } from './sample-messages.ts'
import { type ScratchServer, scratchUser } from './scratch-server.ts'

type Turn = () => Promise<void>

/** Thunderbird's list of headers. */
const listed =
  'From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To'

/** What clients ask when they open a mailbox, `SET` stands for its messages. */
const reading = [
  'FETCH SET (UID FLAGS)',
  'UID FETCH SET (FLAGS)',
  'FETCH SET (ENVELOPE BODYSTRUCTURE)',
  'FETCH SET (UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE)',
  `UID FETCH SET (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (${listed})])`,
  'UID FETCH SET (UID BODY.PEEK[])',
  'UID FETCH SET (BODY.PEEK[HEADER])',
] as const
const readingOne = [
  'FETCH ONE (BODY.PEEK[])',
  'FETCH ONE (BODY.PEEK[1])',
  'FETCH ONE (UID FLAGS)',
  'NOOP',
] as const
const finding = [
  'SEARCH UNSEEN',
  'UID SEARCH UNDELETED',
  'SEARCH FROM rareperson',
  'SEARCH SUBJECT zephyr',
  'SEARCH HEADER Message-ID warm.17@mail',
  'SEARCH BODY nobodysaysthis',
  'SEARCH TEXT nobodysaysthis',
  'SEARCH TEXT meeting',
  'SORT (REVERSE DATE) UTF-8 ALL',
  'SORT (SUBJECT) UTF-8 ALL',
  'THREAD REFERENCES UTF-8 ALL',
] as const
const changing = [
  'STORE SET +FLAGS (\\Flagged)',
  'STORE SET -FLAGS.SILENT (\\Flagged)',
  'STORE ONE +FLAGS (\\Answered)',
  'STORE ONE -FLAGS.SILENT (\\Answered)',
  'STATUS INBOX (MESSAGES UNSEEN UIDNEXT)',
  'COPY SET Archive',
  'SELECT Archive',
  'STORE 1:* +FLAGS.SILENT (\\Deleted)',
  'EXPUNGE',
  'SELECT INBOX',
] as const

export interface ImapDrive {
  /** How often each way of reading, finding and changing is gone. */
  readonly rounds: number
  readonly appends: number
}

/** A client reads, searches and changes a mailbox. */
export async function driveImap(
  server: ScratchServer,
  turn: Turn,
  { rounds, appends }: ImapDrive,
): Promise<void> {
  const client = await LineExchange.open({ host: '127.0.0.1', port: server.ports.imap, timeoutMs: 10_000 })
  let tag = 0
  const say = async (command: string): Promise<void> => {
    await turn()
    const name = `w${++tag}`
    await client.ask(`${name} ${command}\r\n`, `${name} OK`)
  }
  try {
    await client.ask('', '* OK')
    await say(`LOGIN ${scratchUser} ${server.password}`)
    for (let n = 0; n < appends; n++) {
      const message = sampleMessage(n)
      await turn()
      await client.ask(`a${n} APPEND INBOX ${n % 3 ? '(\\Seen) ' : ''}{${message.length}}\r\n`, '+ ')
      await client.ask(Buffer.concat([message, Buffer.from('\r\n')]), `a${n} OK`)
    }
    for (let round = 0; round < rounds; round++) {
      await say(round % 2 === 0 ? 'SELECT INBOX' : 'EXAMINE INBOX')
      for (const command of [...reading, ...finding]) await say(command.replace('SET', '1:*'))
      for (let n = 1; n <= 20; n++)
        for (const command of readingOne) await say(command.replace('ONE', String(n)))
      if (round % 4 !== 0) continue
      await say('SELECT INBOX')
      for (const command of changing) await say(command.replace('SET', '1:*').replace('ONE', '3'))
    }
    await say('LOGOUT')
  } finally {
    client.close()
  }
}
