/** Every command of the shell, under its own name or as `posthorn COMMAND`. `main.js` starts it. */
import { applyMemorySettings, applyOwnSettings } from './start/memory-settings.ts'

async function run(): Promise<number> {
  const { argv, env } = process
  const args = argv.slice(2)
  if (args[0] === 'worker' && process.send !== undefined) {
    applyOwnSettings()
    const { runWorker } = await import('./start/run-worker.ts')
    const configOption = args[1] === '--config' ? args[2] : undefined
    // The cluster's channel would keep the process alive.
    process.exit(await runWorker({ configOption, environment: env }))
  }
  const { runCli } = await import('./cli.ts')
  const { processShell } = await import('./commands/process-shell.ts')
  return await runCli(env['POSTHORN_CALLED_AS'] ?? 'posthorn', args, processShell(), async (configOption) => {
    applyMemorySettings(env)
    // As master(8): programs that it starts keep mail in files of theirs, and few set one.
    process.umask(0o077)
    const { runServer } = await import('./start/run-server.ts')
    const { restartCompiled } = await import('./start/compiled-code.ts')
    await restartCompiled(env)
    return await runServer({ configOption, environment: env })
  })
}

process.exitCode = await run()
// What is over is over: a forgotten handle must not keep a stopped server, or one that could not start.
setTimeout(() => process.exit(), 1000).unref()
