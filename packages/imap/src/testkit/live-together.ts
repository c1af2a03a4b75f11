/** Clients of all kinds at one mailbox, each doing whatever comes to mind and believing what it is told. */
import assert from 'node:assert/strict'
import { type Believer, itemsOf, NumberedBeliever, numbersOf, type Truth, UidBeliever } from './believer.ts'
import type { RawClient } from './imap-fixture.ts'
import { oneOf, type Random } from './random.ts'

const flagNames = ['\\Seen', '\\Flagged', '\\Deleted', '\\Answered', '$a', '$b', '$c']
const orGone = /^(OK|NO \[EXPUNGEISSUED\])/
const okOrNo = /^(OK|NO)/
const message = 'Subject: x\r\n\r\nbody\r\n'
const literal = `{${message.length}+}\r\n${message}`

/** @param login gives a client that is logged in */
export async function gather(login: () => Promise<RawClient>): Promise<Believer[]> {
  const enter = async (believer: Believer, ...commands: readonly string[]): Promise<Believer> => {
    for (const command of [...commands, 'SELECT INBOX']) await believer.say(command)
    return believer
  }
  const spec = (filter: string): string =>
    `NOTIFY SET (${filter} (MessageNew (UID FLAGS) MessageExpunge FlagChange))`
  return [
    await enter(new NumberedBeliever('plain', await login())),
    await enter(new NumberedBeliever('rev2', await login()), 'ENABLE IMAP4rev2'),
    await enter(new NumberedBeliever('condstore', await login()), 'ENABLE CONDSTORE'),
    await enter(new NumberedBeliever('qresync', await login()), 'ENABLE QRESYNC'),
    await enter(new NumberedBeliever('notified', await login(), 'at once'), spec('SELECTED')),
    await enter(new NumberedBeliever('delayed', await login()), 'ENABLE CONDSTORE', spec('SELECTED-DELAYED')),
    await enter(new UidBeliever('uidonly', await login()), 'ENABLE UIDONLY'),
  ]
}

/** One random deed. */
export async function act(client: Believer, random: Random): Promise<void> {
  if (
    client instanceof NumberedBeliever &&
    !client.hearsAtOnce &&
    client.name !== 'qresync' &&
    random(2) === 0
  )
    await actByNumber(client, random)
  else await actByUid(client, random)
}

async function actByNumber(client: NumberedBeliever, random: Random): Promise<void> {
  const { messages } = client
  if (messages.length === 0) return void (await client.say('NOOP'))
  const number = 1 + random(messages.length)
  const flag = oneOf(random, flagNames)
  const sign = oneOf(random, ['+', '-', ''])
  const deeds: readonly (() => Promise<unknown>)[] = [
    () => client.say(`FETCH ${number} (UID FLAGS)`, orGone),
    () => client.say(`FETCH 1:* (FLAGS)`, orGone),
    () => client.say(`STORE ${number} ${sign}FLAGS (${flag})`, orGone),
    () => client.say(`SEARCH ${flag === '\\Seen' ? 'SEEN' : 'ALL'}`),
    () => client.say(`COPY ${number} INBOX`, okOrNo),
    () => client.say(`MOVE ${number} ${oneOf(random, ['Trash', 'INBOX'])}`, okOrNo),
    () => client.say(`REPLACE ${number} INBOX (${flag}) ${literal}`, okOrNo),
    () => storeSilently(client, number, sign, flag),
  ]
  await oneOf(random, deeds)()
}

/** What a silent STORE does the client works out by itself. */
async function storeSilently(
  client: NumberedBeliever,
  number: number,
  sign: string,
  flag: string,
): Promise<void> {
  const known = client.messages[number - 1]!
  const before = known.flags
  await client.say(`STORE ${number} ${sign}FLAGS.SILENT (${flag})`, orGone)
  // A FETCH with the answer comes from others' changes, before ours or after it: it has the whole truth.
  if (before === undefined || known.flags !== before) return
  known.flags = changed(before, sign, flag)
}

function changed(before: readonly string[], sign: string, flag: string): string[] {
  const without = before.filter((name) => name !== flag)
  return sign === '-' ? without : sign === '+' ? [...without, flag].sort() : [flag]
}

async function actByUid(client: Believer, random: Random): Promise<void> {
  const uids = client.knownUids()
  const flag = oneOf(random, flagNames)
  const sign = oneOf(random, ['+', '-', ''])
  const uid = uids.length === 0 ? 1 : oneOf(random, uids)
  const deeds: readonly (() => Promise<unknown>)[] = [
    () => client.say(`APPEND INBOX (${flag}) ${literal}`),
    () => client.say(`APPEND INBOX (${flag}) ${literal} ${literal}`),
    () => client.say(oneOf(random, ['NOOP', 'CHECK'])),
    () => idle(client, random),
    () => client.say('UID FETCH 1:* (FLAGS)'),
    () => client.say(`UID STORE ${uid} ${sign}FLAGS (${flag})`),
    () => client.say(`UID STORE ${uid} +FLAGS (\\Deleted)`),
    () => client.say(oneOf(random, ['EXPUNGE', `UID EXPUNGE ${uid}:*`, `UID EXPUNGE ${uid}`])),
    () => client.say(`UID COPY ${uid} INBOX`, okOrNo),
    () => client.say(`UID MOVE ${uid} ${oneOf(random, ['Trash', 'INBOX'])}`, okOrNo),
    () => client.say(`UID REPLACE ${uid} INBOX (${flag}) ${literal}`, okOrNo),
    () => useSaved(client, flag),
    () => (client instanceof NumberedBeliever ? storeUnchanged(client, random) : Promise.resolve()),
  ]
  await oneOf(random, deeds)()
}

/** Hears what is pushed meanwhile. */
async function idle(client: Believer, random: Random): Promise<void> {
  client.raw.send('i IDLE\r\n')
  const hearUntil = async (end: RegExp): Promise<void> => {
    for (const line of await client.raw.until(end)) client.hear(line)
  }
  await hearUntil(/^\+ idling$/)
  for (let turns = random(6); turns > 0; turns--) await new Promise(setImmediate)
  client.raw.send('DONE\r\n')
  await hearUntil(/^i OK /)
}

/** RFC 5182: `$` is what was found, without what the client knows to be gone. */
async function useSaved(client: Believer, flag: string): Promise<void> {
  const key = flag === '\\Flagged' ? 'FLAGGED' : 'ALL'
  const found = new Set<number>()
  for (const line of await client.raw.command(`UID SEARCH RETURN (SAVE ALL) ${key}`)) {
    const [, set] = /^\* ESEARCH .* ALL ([\d:,]+)$/.exec(line) ?? []
    for (const uid of set === undefined ? [] : numbersOf(set)) found.add(uid)
    client.hear(line)
  }
  const fetched = new Set<number>()
  for (const line of await client.raw.command('UID FETCH $ (UID)')) {
    const [, number, uid] = /^\* (\d+) (?:UIDFETCH \(|FETCH \(UID (\d+)\)$)/.exec(line) ?? []
    if (number !== undefined && !line.includes('FLAGS')) fetched.add(Number(uid ?? number))
    client.hear(line)
  }
  for (const uid of fetched)
    assert.ok(found.has(uid), `${client.name}: $ has UID ${uid}, which was not found`)
  await client.say('NOOP')
  const known = new Set(client.knownUids())
  for (const uid of found)
    if (!fetched.has(uid)) assert.ok(!known.has(uid), `${client.name}: $ lacks UID ${uid}, which is there`)
}

/** RFC 7162 §3.1.3: it is done to what the client knew, or not at all. */
async function storeUnchanged(client: NumberedBeliever, random: Random): Promise<void> {
  const candidates = client.messages.filter(({ uid, flags, modSeq }) => uid && flags && modSeq)
  if (candidates.length === 0) return
  const { uid, flags, modSeq } = oneOf(random, candidates)
  const flag = oneOf(random, flagNames)
  const sign = oneOf(random, ['+', '-', ''])
  const lines = await client.raw.command(`UID STORE ${uid} (UNCHANGEDSINCE ${modSeq}) ${sign}FLAGS (${flag})`)
  const tagged = lines.at(-1)!
  assert.match(tagged, /^OK/, client.name)
  const own = lines.map((line) => itemsOf(line)).find((items) => items.uid === uid && items.flags)
  const wanted = changed(flags!, sign, flag)
  // What changes nothing is answered with what is there by then: others may have come between.
  const overtaken = wanted.join() === flags!.join() && own?.modSeq !== modSeq
  if (!tagged.includes('MODIFIED') && own?.flags !== undefined && !client.hearsAtOnce && !overtaken)
    assert.deepEqual(own.flags, wanted, `${client.name}: UNCHANGEDSINCE ${modSeq} of ${uid}`)
  for (const line of lines) client.hear(line)
}

/** As one sees it who has just come. */
export async function truthOf(fresh: RawClient): Promise<Truth> {
  await fresh.ok('SELECT INBOX')
  const lines = await fresh.command('UID FETCH 1:* (FLAGS)')
  return lines.flatMap((line) => {
    const { uid, flags } = itemsOf(line)
    return uid === undefined || flags === undefined ? [] : [{ uid, flags }]
  })
}

/**
 * All at once, so that their units of work mix in the store as they will; then each says NOOP and is compared with
 * what is there.
 */
export async function liveTogether(
  clients: readonly Believer[],
  random: Random,
  { deeds, login }: { readonly deeds: number; readonly login: () => Promise<RawClient> },
): Promise<void> {
  await Promise.all(
    clients.map(async (client) => {
      for (let times = 0; times < deeds; times++) {
        // VANISHED is of use only to a client that knows the UIDs.
        if (client.name === 'qresync') await client.say('UID FETCH 1:* (FLAGS)')
        await act(client, random)
      }
    }),
  )
  // Twice: a NOOP may find what another worker has not told of yet.
  const fresh = await login()
  for (const client of clients) await client.say('NOOP')
  const truth = await truthOf(fresh)
  for (const client of clients) client.compare(truth)
  for (const client of clients) await client.say('UID FETCH 1:* (FLAGS)')
  for (const client of clients) client.compare(truth)
  fresh.destroy()
}
