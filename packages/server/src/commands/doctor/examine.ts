import type { Config } from '../../config/config.ts'
import { checkSite } from '../check-site.ts'
import { askServer } from '../control-client.ts'
import type { Shell } from '../shell.ts'
import { locateSiteAnyhow, type SiteOptions } from '../site.ts'
import { examineCertificates } from './certificates.ts'
import { examineDataFolder } from './data-folder.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { examineNames } from './names.ts'
import { examinePorts } from './ports.ts'

/** One finding after the other, the quick ones first. Changes nothing. */
export async function* examine(shell: Shell, options: SiteOptions): AsyncGenerator<Finding> {
  const { config, problems, warnings } = checkSite(shell, options)
  const { folder } = locateSiteAnyhow(shell, options)
  yield* examineConfig(config, problems, warnings)
  yield* examineDataFolder(config, shell)
  yield* examineCertificates(config, folder.path, shell.now())
  const running =
    (await askServer(folder.controlSocket, { cmd: 'status' }).catch(() => undefined)) !== undefined
  yield running ? ok('server', 'running') : warn('server', 'not running', 'posthorn start')
  yield* examinePorts(config, running ? 'running' : 'stopped')
  yield* examineNames(config)
}

function* examineConfig(
  config: Config,
  problems: readonly string[],
  warnings: readonly string[],
): Generator<Finding> {
  for (const problem of problems) yield fail('configuration', problem, `mend ${config.file}`)
  for (const warning of warnings) yield warn('configuration', warning, `see ${config.file}`)
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
