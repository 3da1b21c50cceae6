// Runs a declarative Jenkinsfile outside of Jenkins: its Groovy, the conditions of its stages, and its shell for real. Says which stages
// ran and which did not. What Jenkins sets for a job comes from this process's environment, and so do the variables of credentials.
//
//   groovy declarative.groovy Jenkinsfile
class Assignments {
    private final Map variables

    Assignments(Map variables) { this.variables = variables }

    Object getProperty(String name) { name == 'env' ? variables : variables[name] }
    void setProperty(String name, Object value) { variables[name] = value }
}

abstract class Declarative extends Script {
    final Map env = new LinkedHashMap(System.getenv())
    final String any = 'any'
    private Map stage

    void pipeline(Closure body) { body() }
    void agent(Object which) {}
    void options(Closure body) { body() }
    void disableConcurrentBuilds() {}
    void timeout(Map options) { assert options.unit in ['MINUTES', 'HOURS'] && options.time > 0 }

    void environment(Closure body) {
        body.delegate = new Assignments(env)
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
    }

    void stages(Closure body) { body() }

    void stage(String name, Closure body) {
        stage = [condition: { true }, always: {}]
        body()
        if (!stage.condition()) {
            println "[skipped] $name"
            return
        }
        println "[stage] $name"
        try { stage.steps() } finally { stage.always() }
    }

    void when(Closure body) { body() }
    void expression(Closure body) { stage.condition = body }
    void steps(Closure body) { stage.steps = body }
    void post(Closure body) { body() }
    void always(Closure body) { stage.always = body }
    void script(Closure body) { body() }
    void echo(String text) { println "[echo] $text" }
    void unstable(String text) { println "[unstable] $text" }
    void error(String text) { throw new IllegalStateException(text) }

    Map usernamePassword(Map credential) { credential }
    Map string(Map credential) { credential }

    void withCredentials(List<Map> credentials, Closure body) {
        credentials.each { assert it.credentialsId in ['registry', 'viridian-token'] }
        body()
    }

    void sh(String script) { sh(script: script) }

    Object sh(Map step) {
        def process = new ProcessBuilder('sh', '-xe', '-c', step.script as String)
        process.environment().clear()
        process.environment().putAll(env.findAll { it.value != null }.collectEntries { [it.key, it.value as String] })
        process.redirectError(ProcessBuilder.Redirect.INHERIT)
        def running = process.start()
        def output = running.inputStream.getText('UTF-8')
        int status = running.waitFor()
        if (step.returnStatus) {
            print output
            return status
        }
        if (status != 0) error("script returned exit code $status")
        if (step.returnStdout) return output
        print output
    }
}

def configuration = new org.codehaus.groovy.control.CompilerConfiguration(scriptBaseClass: Declarative.name)
new GroovyShell(Declarative.classLoader, new Binding(), configuration).evaluate(new File(args[0]))
