/**
 * A mailbox of 200,000 messages: what others notice while huge commands run, and what mass deletion leaves.
 *
 *   node bench/scale.ts seed FOLDER [COUNT]          a data folder with COUNT messages of 6 KB in alice's Big
 *   node bench/scale.ts bystanders FOLDER [WORKERS] [FROM] [TO]  the longest wait of other sessions beside COPY, STORE, …;
 *                                                    FROM and TO: the first step and the one behind the last
 *   node bench/scale.ts deletion FOLDER PART         PART: before, delete, after; deliveries/s, CPU, size on disk
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { AppendItem, Store } from '@posthorn/storage'
import { openStore } from '@posthorn/storage'
import { imapSession, startBystanders } from './bystanders.ts'
import { message } from './corpus.mjs'
import { makeAccounts, type OurServer, runOurs } from './ours.ts'
import { Talk } from './talk.ts'

const batchMessages = 250
const defaultCount = 200_000

async function seed(folder: string, count: number): Promise<void> {
  await makeAccounts(join(folder, 'store'))
  const store = await openStore({ directory: join(folder, 'store') })
  const account = await store.accounts.find('alice@bench.test')
  if (account === undefined) throw new Error('No alice')
  const { id } = await store.mailboxes.create(account.id, 'Big')
  const beganMs = performance.now()
  for (let from = 0; from < count; from += batchMessages)
    await store.messages.append(id, await staged(store, from, Math.min(batchMessages, count - from)))
  console.log(`${count} messages in ${((performance.now() - beganMs) / 1000).toFixed(1)} s`)
  await store.close()
}

const staged = (store: Store, from: number, count: number): Promise<AppendItem[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const writer = store.messages.stage()
      await writer.write(message(from + at, { kind: 'plain', size: 6_000 }))
      const item = await writer.finish()
      return {
        message: item,
        flags: { system: 0, keywords: [] },
        internalDateMs: 1_700_000_000_000 + from + at,
      }
    }),
  )

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

async function beside(server: OurServer, name: string, work: () => Promise<unknown>): Promise<void> {
  const others = startBystanders(server)
  await delay(600)
  others.reset()
  const beganMs = performance.now()
  let failed = ''
  await work().catch((error) => {
    failed = ` ${String(error)}`
  })
  const tookMs = performance.now() - beganMs
  const waits = await others.stop()
  const kinds = [...new Set(waits.map((each) => each.name))]
  const cells = kinds.map((kind) => {
    const all = waits.filter((each) => each.name === kind).flatMap((each) => each.waitsMs)
    return `${kind} ${percentile(all, 0.5).toFixed(1)} / ${percentile(all, 0.99).toFixed(1)} / ${percentile(all, 1).toFixed(1)}`
  })
  console.log(
    `${name.slice(0, 40).padEnd(40)} ${tookMs.toFixed(0).padStart(6)} ms   ${cells.join('   ')}${failed}`,
  )
}

type Step = readonly [name: string, work: () => Promise<unknown>]

/** Two thirds of what a person does to a large mailbox changes it; the last third puts it back. */
function steps(talk: Talk, server: OurServer): readonly Step[] {
  const command = (text: string) => () => talk.imap(text)
  const ask = (text: string): Step => [text, command(text)]
  const large = Buffer.from(`A: b\r\n\r\n${'x'.repeat(62)}\r\n`.repeat(350_000))
  const fresh = (mailbox: string) => async () => (await imapSession(server.imapPort, 'alice', mailbox)).end()
  return [
    ['nothing', () => delay(2_000)],
    ['SELECT', fresh('Big')],
    ['SELECT again', fresh('Big')],
    ask('FETCH 1:* (UID FLAGS)'),
    ask('FETCH 1:* (ENVELOPE BODYSTRUCTURE)'),
    ask('SEARCH TEXT zzxqj'),
    ask('SEARCH FROM zzxqj'),
    ask('STATUS Big (MESSAGES UNSEEN SIZE)'),
    ask('SEARCH SUBJECT zzxqj'),
    ask('SEARCH UNSEEN'),
    ask('SORT (SUBJECT) UTF-8 ALL'),
    ask('SORT (REVERSE DATE) UTF-8 ALL'),
    ask('THREAD REFERENCES UTF-8 ALL'),
    ['APPEND of 25 MB', () => talk.append('Drafts', large)],
    ask('STORE 1:* +FLAGS.SILENT (\\Seen)'),
    ask('CREATE Copy'),
    ask('COPY 1:* Copy'),
    ask('COPY 1:* INBOX'),
    ['POP3: login, UIDL, LIST', () => pop3Session(server.pop3Port)],
    ask('SELECT Copy'),
    ask('MOVE 1:* Other'),
    ask('SELECT Other'),
    ask('STORE 1:* +FLAGS.SILENT (\\Deleted)'),
    ask('EXPUNGE'),
    ask('DELETE Copy'),
    ask('SELECT INBOX'),
    ask('STORE 1:* +FLAGS.SILENT (\\Deleted)'),
    ask('EXPUNGE'),
  ]
}

async function pop3Session(port: number): Promise<void> {
  const talk = new Talk(port)
  const isOk = (line: string): boolean => line.startsWith('+OK')
  const isEnd = (line: string): boolean => line.trim() === '.'
  await talk.wait(isOk)
  await talk.send('USER alice@bench.test\r\n', isOk)
  const beganMs = performance.now()
  await talk.send('PASS secret\r\n', isOk)
  const loginMs = performance.now() - beganMs
  await talk.send('STAT\r\n', isOk)
  const statMs = performance.now() - beganMs - loginMs
  await talk.send('UIDL\r\n', isEnd)
  const uidlMs = performance.now() - beganMs - loginMs - statMs
  await talk.send('LIST\r\n', isEnd)
  const listMs = performance.now() - beganMs - loginMs - statMs - uidlMs
  const shown = [loginMs, statMs, uidlMs, listMs].map((ms) => ms.toFixed(1)).join(' / ')
  console.log(`POP3 PASS / STAT / UIDL / LIST: ${shown} ms`)
  await talk.send('QUIT\r\n', isOk)
  talk.end()
}

async function measureBystanders(folder: string, workers: number, from: number, to: number): Promise<void> {
  const server = await runOurs(folder, `workers = ${workers}\n`)
  try {
    const talk = await imapSession(server.imapPort, 'alice', 'Big')
    await talk.imap('CREATE Other').catch(() => {})
    console.log(`workers ${workers}; waits of others in ms: p50 / p99 / longest`)
    for (const [name, work] of steps(talk, server).slice(from, to)) await beside(server, name, work)
    talk.end()
  } finally {
    await server.stop()
  }
}

const megabytes = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name), { throwIfNoEntry: false }))
    .reduce((sum, stat) => sum + (stat?.isFile() ? stat.blocks * 512 : 0), 0) / 1e6

const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function deliveries(server: OurServer): Promise<void> {
  const load = join(import.meta.dirname, 'load.mjs')
  const target = `ours=127.0.0.1:${server.smtpPort}:${server.imapPort}:${server.pop3Port}@${server.pid}`
  const args = [load, 'smtp', '--a', target, '--sessions', '10', '--messages', '10000', '--rounds', '2']
  spawnSync(process.execPath, args, { stdio: 'inherit' })
}

async function deletion(folder: string, part: string): Promise<void> {
  const server = await runOurs(folder)
  try {
    console.log(`store ${megabytes(join(folder, 'store')).toFixed(0)} MB`)
    if (part === 'delete') {
      const talk = await imapSession(server.imapPort, 'alice', 'Big')
      const beganMs = performance.now()
      // Every other message: no segment is empty.
      for (let from = 1; from < defaultCount; from += 2_000) {
        const odd = Array.from({ length: 1_000 }, (_, n) => from + 2 * n).join(',')
        await talk.imap(`UID STORE ${odd} +FLAGS.SILENT (\\Deleted)`)
      }
      await talk.imap('EXPUNGE')
      console.log(`half deleted in ${((performance.now() - beganMs) / 1000).toFixed(1)} s`)
      talk.end()
    }
    const cpu = cpuSeconds(server.pid)
    await deliveries(server)
    console.log(
      `server CPU ${(cpuSeconds(server.pid) - cpu).toFixed(1)} s; store ${megabytes(join(folder, 'store')).toFixed(0)} MB`,
    )
  } finally {
    await server.stop()
  }
}

async function main(): Promise<void> {
  const [mode, folder = '', more, from = '0', to = '100'] = process.argv.slice(2)
  if (folder === '') throw new Error('node bench/scale.ts seed|bystanders|deletion FOLDER …')
  if (mode === 'seed') await seed(folder, Number(more ?? defaultCount))
  else if (mode === 'bystanders') await measureBystanders(folder, Number(more ?? 1), Number(from), Number(to))
  else if (mode === 'deletion') await deletion(folder, more ?? 'before')
  else throw new Error(`Unknown mode ${mode}`)
}

await main()
