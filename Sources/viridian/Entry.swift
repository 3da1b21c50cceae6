import ArgumentParser
import Commands

@main
enum Entry {
    static func main() async {
        await Viridian.start()
    }
}
