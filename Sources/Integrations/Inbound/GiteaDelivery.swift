import ReleaseMachine
import ViridianConfiguration

enum GiteaDelivery: DeliveryFormat {
    static func verify(_ request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp) -> HookVerdict {
        .refused("deliveries of this sender are not read yet")
    }

    static func read(_ request: HookRequest) throws(MalformedHook) -> HookReading {
        throw MalformedHook("deliveries of this sender are not read yet")
    }
}
