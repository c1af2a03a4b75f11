import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { inspectConfig } from '../../config/load-config.ts'
import { screenOptions } from '../../services/screen-options.ts'
import { errorCode } from '../../start-error.ts'
import { formatColumns } from './columns.ts'
import type { CommandContext } from './context.ts'

/** `posthorn screen`: the clients that postscreen's tests have let pass, and until when they are known. */
export function addScreenCommand(program: Command, { shell, site }: CommandContext): void {
  program
    .command('screen')
    .description('clients that have passed the tests of postscreen')
    .action(() => {
      const { config } = inspectConfig({ configOption: site().config, environment: shell.environment })
      const { cachePath } = screenOptions(config)
      const rows = cachePath === '' ? [] : passedClients(readCache(cachePath), shell.now())
      if (rows.length === 0) shell.out('No clients\n')
      else shell.out(formatColumns(rows))
    })
}

function readCache(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return ''
    throw error
  }
}

/** A row for each client: its address, the tests, the end of the first. Later lines of the file count. */
export function passedClients(text: string, nowMs: number): readonly (readonly string[])[] {
  const clients = new Map<string, Map<string, number>>()
  for (const line of text.split('\n')) {
    const [, key, untilMs] = /^\["([^"]+)","ok",(\d+),/.exec(line) ?? []
    const space = key?.lastIndexOf(' ') ?? -1
    if (key === undefined || space === -1) continue
    const tests = clients.get(key.slice(space + 1)) ?? new Map<string, number>()
    tests.set(key.slice(0, space), Number(untilMs))
    clients.set(key.slice(space + 1), tests)
  }
  return [...clients].flatMap(([address, tests]) => {
    const known = [...tests].filter(([, untilMs]) => untilMs > nowMs)
    if (known.length === 0) return []
    const first = Math.min(...known.map(([, untilMs]) => untilMs))
    return [[address, known.map(([test]) => test).join(', '), `until ${isoTime(first)}`]]
  })
}

const isoTime = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
