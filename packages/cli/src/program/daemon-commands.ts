import { type Command, Option } from 'commander'
import { count, counts, port } from '../arguments.ts'
import type { AdoptOptions } from '../commands/broker-adopt.ts'
import type {
  BrokerForgetOptions,
  ElectOptions,
  HandOverOptions,
} from '../commands/broker-command.ts'
import type { PromoteOptions } from '../commands/broker-promote.ts'
import type { DaemonOptions } from '../commands/daemon.ts'
import type { DevOptions } from '../commands/dev.ts'
import type { WatchedOptions } from '../operator.ts'
import type { Terminal } from '../terminal.ts'
import { daemon, operator, risky, watched } from './command-kinds.ts'

export function addDaemonCommands(program: Command, terminal: Terminal): void {
  program
    .command('dev')
    .description('a name server and a broker in this process, for development')
    .option('--data <dir>', 'keep the data there; without it, in a temporary folder until the end')
    .option('--host <host>', 'the address to listen on', '127.0.0.1')
    .option(
      '-p, --port <port>',
      'of the name server, where clients connect; 0: free ports',
      port,
      9876,
    )
    .option('--broker-port <port>', 'of the broker (default: 8081, or free with --port 0)', port)
    .option('--queues <count>', 'queues of a topic that is made by sending to it', count(1), 8)
    .addOption(
      new Option('--log-level <level>', 'what it logs, on the error stream')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('warn'),
    )
    .option('--json', 'say where it listens as one JSON document')
    .action(async (options: DevOptions) => {
      await (await import('../commands/dev.ts')).dev(terminal, options)
    })
  daemon(
    program.command('nameserver'),
    'a name server: it knows which broker serves which queue',
  ).action(async (options: DaemonOptions) => {
    await (await import('../commands/nameserver.ts')).nameServer(terminal, options)
  })
  const broker = daemon(program.command('broker'), 'a broker: it keeps messages and delivers them')
    .helpCommand(false)
    // What is said after the name of a command is that command's.
    .enablePositionalOptions()
    .option('--name <name>', 'broker name (default: broker-a)')
    .option('--advertise <address>', 'host:port that clients dial')
    .option('-n, --nameserver <addresses>', 'every name server, with commas between')
    .option('--data <dir>', 'data folder (default: data/<broker name>)')
    .action(async (options: DaemonOptions) => {
      await (await import('../commands/broker.ts')).broker(terminal, options)
    })
  addBrokerGroupCommands(broker, terminal)
}

function addBrokerGroupCommands(broker: Command, terminal: Terminal): void {
  broker.commandsGroup('Operations on a broker group:')
  watched(broker.command('replicas'), 'every member of a broker group: role, log, lag, in sync')
    .argument('[broker]', 'broker name (default: every group of several members)')
    .action(async (name: string | undefined, options: WatchedOptions) => {
      const { brokerReplicas } = await import('../commands/broker-replicas.ts')
      await brokerReplicas(terminal, name, options)
    })
  watched(broker.command('epochs'), 'who was master when, from where in the log on, and why')
    .argument('<broker>', 'broker name')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('../commands/broker-epochs.ts')).brokerEpochs(terminal, name, options)
    })
  operator(broker.command('hand-over'), 'the master gives its place to a member in sync')
    .argument('<broker>', 'broker name')
    .option('--to <id>', 'which member (default: the one that is nearest)', count(1))
    .action(async (name: string, options: HandOverOptions) => {
      await (await import('../commands/broker-command.ts')).brokerHandOver(terminal, name, options)
    })
  risky(broker.command('forget'), 'a member that is neither in sync nor running will not come back')
    .argument('<broker>', 'broker name')
    .requiredOption('--id <id>', 'which member', count(1))
    .action(async (name: string, options: BrokerForgetOptions) => {
      await (await import('../commands/broker-command.ts')).brokerForget(terminal, name, options)
    })
  risky(broker.command('promote'), 'make a slave master, where roles are configured')
    .argument('<broker>', 'broker name')
    .requiredOption('--to <id>', 'which member', count(1))
    .option('--old-master-is-dead', 'it does not answer, and is known to be off or cut off')
    .option('--without <ids>', 'members to give up, with what only they have', counts(1))
    .action(async (name: string, options: PromoteOptions) => {
      await (await import('../commands/broker-promote.ts')).brokerPromote(terminal, name, options)
    })
  risky(broker.command('adopt'), 'tell etcd of a broker group whose roles were configured')
    .argument('<broker>', 'broker name')
    .requiredOption('--etcd <endpoints>', 'host:port of each etcd member, with commas between')
    .action(async (name: string, options: AdoptOptions) => {
      await (await import('../commands/broker-adopt.ts')).brokerAdopt(terminal, name, options)
    })
  operator(broker.command('elect'), 'make a member master although messages may be lost')
    .argument('<broker>', 'broker name')
    .requiredOption('--to <id>', 'which member', count(1))
    .requiredOption('--accept-loss', 'what it lacks is lost, also if it was acknowledged')
    .action(async (name: string, options: ElectOptions) => {
      await (await import('../commands/broker-command.ts')).brokerElect(terminal, name, options)
    })
}
