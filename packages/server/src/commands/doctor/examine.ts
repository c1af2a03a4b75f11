import { createResolver } from '@posthorn/dns'
import type { Config } from '../../config/config.ts'
import { checkSite } from '../check-site.ts'
import { askServer } from '../control-client.ts'
import type { Shell } from '../shell.ts'
import { locateSiteAnyhow, type SiteOptions } from '../site.ts'
import { examineCertificates } from './certificates.ts'
import { examineClock } from './clock.ts'
import { examineDataFolder } from './data-folder.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { examineLogins } from './logins.ts'
import { examineNames } from './names.ts'
import { examinePorts } from './ports.ts'
import { examineReachable } from './reachable.ts'
import { examineRelaying } from './relay-test.ts'

/** One finding after the other, the quick ones first. Changes nothing. */
export async function* examine(
  shell: Shell,
  options: SiteOptions,
  timeServer = 'pool.ntp.org',
): AsyncGenerator<Finding> {
  const { config, problems, warnings } = checkSite(shell, options)
  const { folder } = locateSiteAnyhow(shell, options)
  yield* examineConfig(config, problems, warnings)
  yield* examineDataFolder(config, shell)
  yield* examineLogins(config)
  yield* examineCertificates(config, folder.path, shell.now())
  const running =
    (await askServer(folder.controlSocket, { cmd: 'status' }).catch(() => undefined)) !== undefined
  yield running ? ok('server', 'running') : warn('server', 'not running', 'posthorn start')
  yield* examinePorts(config, running ? 'running' : 'stopped')
  if (problems.length === 0) yield await examineRelaying(shell, options)
  // The slow ones side by side: without a network they end together, and soon.
  const clock = examineClock(timeServerOf(timeServer), shell.now)
  const resolver = createResolver({
    timeoutMs: 2_000,
    tries: 1,
    totalTimeoutMs: 4_000,
    servers: config.values.dns_servers,
  })
  yield* examineNames(config, resolver)
  if (running) yield* await examineReachable(config, resolver)
  yield await clock
}

/** `host` or `host:port`. */
function timeServerOf(text: string): { readonly host: string; readonly port?: number } {
  const match = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(text)
  if (match === null) return { host: text.replace(/^\[|\]$/g, '') }
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port: Number(match[2]) }
}

/** `FILE: … (mode 664): chmod go-w FILE` says itself what to do. */
function withRemedy(text: string, otherwise: string): [text: string, remedy: string] {
  const at = text.search(/: chmod \S+ \S+$/)
  return at === -1 ? [text, otherwise] : [text.slice(0, at), text.slice(at + 2)]
}

function* examineConfig(
  config: Config,
  problems: readonly string[],
  warnings: readonly string[],
): Generator<Finding> {
  const folder = `${config.values.data_directory}: `
  for (const problem of problems) yield fail('configuration', ...withRemedy(problem, `mend ${config.file}`))
  // examineDataFolder says it, too.
  for (const warning of warnings)
    if (!warning.startsWith(folder)) yield warn('configuration', ...withRemedy(warning, `see ${config.file}`))
  if (problems.length === 0) yield ok('configuration', config.file)
  const wide = config.values.mynetworks.filter((network) => /\/0$/.test(network))
  if (wide.length > 0) {
    yield fail(
      'mynetworks',
      `${wide.join(', ')} is everybody: an open relay`,
      'name only networks of your own',
    )
  }
  if (config.values.disable_plaintext_auth === false) {
    yield warn('disable_plaintext_auth', 'passwords are accepted without TLS', 'remove the line')
  }
}
