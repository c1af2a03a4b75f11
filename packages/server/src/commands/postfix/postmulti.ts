import { spawn } from 'node:child_process'
import type { Config } from '../../config/config.ts'
import { inspectConfig } from '../../config/load-config.ts'
import { getopt, type Options } from '../getopt.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { postfix } from './postfix.ts'

const usage =
  'postmulti [-aRv] [-g group] [-i name] -l | postmulti [-aRv] [-g group] [-i name] [-p | -x] command... | postmulti -e action'

/**
 * Lists the one instance that a main.cf is, and runs commands for it; another one is another main.cf. Postfix:
 * postmulti(1).
 */
export async function postmulti(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'ae:g:i:G:I:lpRvx', `${usage}`)
  const actions = ['e', 'l', 'p', 'x'].filter((flag) => options.has(flag))
  if (actions.length > 1) throw new CommandError('only one of -e, -l, -p, -x may be given')
  if (options.has('e')) throw new CommandError(adviceFor(options))
  const { config } = inspectConfig({ configOption: undefined, environment: shell.environment })
  if (!isSelected(options, config)) throw new CommandError('No matching instances')
  if (options.has('l')) {
    if (options.rest.length > 0) throw new CommandError(`usage: ${usage}`)
    shell.out(`${['-'.padEnd(15), '-'.padEnd(15), 'y'.padEnd(9), config.folder].join(' ')}\n`)
    return exit.ok
  }
  const [command, ...more] = options.rest
  if (command === undefined) throw new CommandError(`usage: ${usage}`)
  // Postfix: -x is what is done unless -p is given.
  return options.has('p')
    ? await postfix(['-c', config.folder, ...options.rest], shell)
    : await run(command, more, config, shell)
}

/** `-i -` is the instance without a name, which is in no group. */
function isSelected(options: Options, config: Config): boolean {
  const group = options.value('g')
  const name = options.value('i') ?? '-'
  return (group === undefined || group === '-') && (name === '-' || name === config.folder)
}

function adviceFor(options: Options): string {
  const action = options.value('e') ?? ''
  const name = options.value('I') ?? options.value('i') ?? 'NAME'
  const how = `another instance is another main.cf with a data_directory and ports of its own: make /etc/${name}/main.cf and start it by \`posthorn -c /etc/${name} start\` (a unit of systemd for each); every command takes -c, --config or POSTHORN_CONFIG`
  switch (action) {
    case 'init':
      return `nothing has to be initialised: ${how}`
    case 'create':
    case 'import':
    case 'enable':
      return how
    case 'assign':
    case 'disable':
    case 'deport':
    case 'destroy':
      return `instances are not kept in a list: stop the server of that main.cf, and take its files away; ${how}`
    default:
      return `Invalid -e edit action '${action}'. Specify 'create', 'destroy', 'import', 'deport', 'enable', 'disable', 'assign', 'init' or 'random'`
  }
}

/** With the instance's own environment, as Postfix's manager gives it. */
async function run(file: string, args: readonly string[], config: Config, shell: Shell): Promise<number> {
  const { values, folder } = config
  const child = spawn(file, args, {
    stdio: 'inherit',
    env: {
      ...shell.environment,
      POSTHORN_CONFIG: config.file,
      MAIL_CONFIG: folder,
      config_directory: folder,
      command_directory: values.command_directory,
      data_directory: values.data_directory,
      queue_directory: values.queue_directory,
      multi_instance_name: '',
    },
  })
  return await new Promise((resolve) => {
    child.once('error', (error) => {
      shell.err(`postmulti: fatal: ${file}: ${error.message}\n`)
      resolve(exit.failure)
    })
    child.once('exit', (code) => resolve(code ?? exit.failure))
  })
}
