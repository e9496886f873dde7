// A Vulkan driver that is SwiftShader without two of its features, so that the tests of `just test-gpu`
// run in software. With them CubeCL writes SPIR-V that puts all shared memory of a kernel into one
// element where VK_KHR_workgroup_memory_explicit_layout is missing, as it is here; without them it
// writes WGSL, which is right.
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef void (*Function)(void);
typedef Function (*Lookup)(void *instance, const char *name);
typedef struct Base {
    int32_t type;
    struct Base *next;
} Base;

// VkPhysicalDeviceBufferDeviceAddressFeatures(EXT) and VkPhysicalDeviceVulkanMemoryModelFeatures.
enum { ADDRESS = 1000257000, ADDRESS_EXT = 1000244000, MEMORY_MODEL = 1000211000 };

static void *driver(void) {
    static void *library;
    if (!library) library = dlopen(SWIFTSHADER, RTLD_NOW | RTLD_LOCAL);
    return library;
}

static void (*features_of)(void *device, Base *features);

static void fewer_features(void *device, Base *features) {
    features_of(device, features);
    for (Base *each = features->next; each; each = each->next) {
        uint32_t *flags = (uint32_t *)(each + 1);
        if (each->type == ADDRESS || each->type == ADDRESS_EXT) flags[0] = 0;
        if (each->type == MEMORY_MODEL) flags[0] = flags[1] = 0;
    }
}

static Function wrapped(const char *name, Function found) {
    if (found && (!strcmp(name, "vkGetPhysicalDeviceFeatures2") ||
                  !strcmp(name, "vkGetPhysicalDeviceFeatures2KHR"))) {
        features_of = (void (*)(void *, Base *))found;
        return (Function)fewer_features;
    }
    return found;
}

static Function lookup(const char *by, void *instance, const char *name) {
    Lookup real = (Lookup)dlsym(driver(), by);
    if (!real) real = (Lookup)dlsym(driver(), "vk_icdGetInstanceProcAddr");
    return real ? wrapped(name, real(instance, name)) : NULL;
}

Function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
    return lookup("vk_icdGetInstanceProcAddr", instance, name);
}

Function vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
    return lookup("vk_icdGetPhysicalDeviceProcAddr", instance, name);
}

int vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
    int (*real)(uint32_t *) =
        (int (*)(uint32_t *))dlsym(driver(), "vk_icdNegotiateLoaderICDInterfaceVersion");
    if (real) return real(version);
    if (*version > 5) *version = 5;
    return 0;
}
